//go:build !race

package e2e

// raceDetector reports whether the binaries are built with the race detector, like the tests themselves.
const raceDetector = false
