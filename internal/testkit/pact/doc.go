//go:build pact

// Package pact is the only user of pact-go: it knows how a consumer's test writes a contract and how a provider's test
// is held against it, with one test for each interaction and none of the ways to pass without having checked anything.
//
// It links a native library, so everything in it needs the build tag pact; "make pact-library" obtains that library.
package pact
