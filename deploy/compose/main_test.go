//go:build compose

package compose

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"testing"
)

// TestMain makes the images available that the compose file and the Dockerfile name.
func TestMain(m *testing.M) {
	ctx := context.Background()
	if err := prepare(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "test-compose:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func prepare(ctx context.Context) error {
	if err := needEngine(ctx); err != nil {
		return err
	}
	images, err := foreignImages()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"run", "../standins"}, images...)...) //nolint:gosec // names from our own files
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("make the images available: %w", err)
	}
	return nil
}

// foreignImages returns the images that the compose file and the Dockerfile use but do not build.
func foreignImages() (images []string, err error) {
	for path, pattern := range map[string]string{file: `(?m)^    image: (\S+:\S+)$`, top + "/Dockerfile": `(?m)^FROM (\S+:\S+)`} {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 {
			return nil, fmt.Errorf("%s names no image", path)
		}
		for _, match := range found {
			images = append(images, match[1])
		}
	}
	slices.Sort(images)
	return slices.Compact(images), nil
}
