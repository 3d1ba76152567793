//go:build pact

// Package pact is the only user of pact-go. It knows how a consumer's test writes a contract, and how a provider's test
// verifies it. Each interaction is one test, and no test can pass without having checked something.
//
// It links a native library, so everything in it needs the build tag pact. "make pact-library" downloads that library.
package pact
