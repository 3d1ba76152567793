// Package compose holds the files that docker-compose.yml in the root folder needs, and its tests. The tests of the file
// need no Docker. With the tag compose there are also tests of the running system.
package compose
