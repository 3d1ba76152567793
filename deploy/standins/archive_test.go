package main

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestTheBaseIsKept(t *testing.T) {
	t.Parallel()
	folder, made := filepath.Join(t.TempDir(), "cache"), 0
	create := func(archive string) error {
		made++
		return os.WriteFile(archive, []byte("base"), 0o600)
	}
	for _, tt := range []struct {
		name string
		age  time.Duration
		want int // how often it has been made by then
	}{
		{"at first", 0, 1},
		{"new enough", keepBase - time.Minute, 1},
		{"too old", keepBase + time.Minute, 2},
	} {
		archive, err := baseArchive(folder, time.Now().Add(tt.age), create)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if text, err := os.ReadFile(archive); err != nil || string(text) != "base" {
			t.Errorf("%s: the archive has %q, %v", tt.name, text, err)
		}
		if made != tt.want {
			t.Errorf("%s: made %d times; want %d", tt.name, made, tt.want)
		}
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 {
		t.Errorf("the folder has %v, %v; want one archive", files, err)
	}
}

func TestAnInterruptedBaseIsNotKept(t *testing.T) {
	t.Parallel()
	folder, interrupted := t.TempDir(), errors.New("interrupted")
	_, err := baseArchive(folder, time.Now(), func(archive string) error {
		return errors.Join(os.WriteFile(archive, []byte("half"), 0o600), interrupted)
	})
	if !errors.Is(err, interrupted) {
		t.Errorf("got %v; want the error of the maker", err)
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 0 {
		t.Errorf("the folder has %v, %v; want nothing", files, err)
	}
}
