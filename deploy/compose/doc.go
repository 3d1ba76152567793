// Package compose holds what docker-compose.yml at the top needs, and the tests of it: those of the file, which need no
// Docker, and with the tag compose those of the running system.
package compose
