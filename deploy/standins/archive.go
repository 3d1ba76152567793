package main

import (
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"
)

// keepBase is how long the archive of the base is used again. After that, it is made again with Debian's newer packages.
const keepBase = 7 * 24 * time.Hour

// baseSource is part of the archive's name: after a change of how the base is made, no older archive is used.
//
//go:embed base.go
var baseSource []byte

// baseArchive returns the archive of the base in the folder. It makes the archive unless it is there and new enough.
func baseArchive(folder string, now time.Time, create func(archive string) error) (string, error) {
	const prefix = "standins-base-"
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	all, err := filepath.Glob(filepath.Join(folder, prefix+"*"))
	if err != nil {
		return "", err
	}
	for _, file := range all {
		if info, err := os.Stat(file); err == nil && now.Sub(info.ModTime()) > keepBase {
			_ = os.Remove(file) // another process may be removing it too
		}
	}
	archive := filepath.Join(folder, fmt.Sprintf("%s%s-%x.tar", prefix, runtime.GOARCH, sha256.Sum256(baseSource)))
	if _, err := os.Stat(archive); err == nil {
		return archive, nil
	}
	// It gets its name when it is complete, so that an interrupted archive is never used.
	draft, err := os.CreateTemp(folder, prefix+"*.draft")
	if err != nil {
		return "", err
	}
	defer os.Remove(draft.Name()) // fails after the renaming
	err = errors.Join(draft.Close(), create(draft.Name()))
	if err == nil {
		err = os.Rename(draft.Name(), archive)
	}
	return archive, err
}
