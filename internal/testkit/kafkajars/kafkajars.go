// Package kafkajars downloads Apache Kafka from Maven Central: the broker, its command-line tools, and what both need to
// run on Java 17 or newer.
package kafkajars

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Version is the version of Apache Kafka in pom.xml.
const Version = "4.1.1"

// folder is the name of the packages' folder. Change its suffix with each change of pom.xml. Otherwise an old folder is used.
const folder = "kafka-" + Version + "-b"

//go:embed pom.xml
var pom []byte

// Folder returns the folder with Kafka's jars inside the folder cache. The first call downloads them with Maven, and
// reports that to progress.
func Folder(ctx context.Context, cache string, progress func(string)) (string, error) {
	jars := filepath.Join(cache, folder)
	if _, err := os.Stat(jars); err == nil {
		return jars, nil
	}
	if _, err := exec.LookPath("mvn"); err != nil {
		return "", errors.New("mvn is missing: install Apache Maven, which fetches Apache Kafka (Debian: maven)")
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	part, err := os.MkdirTemp(cache, "fetching-")
	if err != nil {
		return "", fmt.Errorf("make the cache folder: %w", err)
	}
	defer os.RemoveAll(part)
	progress("fetching Apache Kafka (45 MB, once)")
	lib, err := fetch(ctx, part)
	if err != nil {
		return "", err
	}
	if err := os.Rename(lib, jars); err != nil {
		if _, there := os.Stat(jars); there != nil { // otherwise another run was faster
			return "", fmt.Errorf("keep the packages: %w", err)
		}
	}
	return jars, nil
}

// fetch lets Maven copy the jars into a folder inside dir, and returns that folder.
func fetch(ctx context.Context, dir string) (string, error) {
	project, lib := filepath.Join(dir, "pom.xml"), filepath.Join(dir, "lib")
	if err := os.WriteFile(project, pom, 0o600); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "mvn", "--quiet", "--batch-mode", "--strict-checksums", "-f", project, //nolint:gosec // ours
		"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+lib)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("maven could not fetch Apache Kafka: %w\n%s", err, out)
	}
	return lib, nil
}
