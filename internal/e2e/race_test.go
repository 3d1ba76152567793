//go:build race

package e2e

// raceDetector says whether the binaries are built with it, as the tests themselves are.
const raceDetector = true
