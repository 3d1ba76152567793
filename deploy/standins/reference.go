package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// A reference is the name of an image, such as postgres:17.11.
type reference struct {
	image      string // the name as the user wrote it
	repository string // without the host and the folder of Docker Hub
	version    string // the tag: numbers and dots
}

var version = regexp.MustCompile(`^\d+(\.\d+)*$`)

// parse refuses names that no stand-in can have: digests, and tags that are not versions.
func parse(image string) (reference, error) {
	if strings.Contains(image, "@") {
		return reference{}, errors.New("a digest names exactly one image; use a tag")
	}
	name, tag := image, "latest"
	if i := strings.LastIndex(image, ":"); i > strings.LastIndex(image, "/") {
		name, tag = image[:i], image[i+1:]
	}
	if !version.MatchString(tag) {
		return reference{}, fmt.Errorf("the tag %q is not a plain version such as 17.11", tag)
	}
	name = strings.TrimPrefix(strings.TrimPrefix(name, "docker.io/"), "library/")
	return reference{image: image, repository: name, version: tag}, nil
}
