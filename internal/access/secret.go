package access

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"
)

// Prefix begins the secret of every token.
const Prefix = "monsplit_"

// The length of what follows the prefix. Today it is 26; rand.Text may return more in the future.
const minSecret, maxSecret = 26, 64

// newSecret returns the secret of a new token.
func newSecret() string { return Prefix + rand.Text() }

// hashOf returns what is stored of a secret, and by what it is found. The time that a look-up takes may depend on the hash. A
// caller learns nothing from it: without the secret nobody can choose the hash.
func hashOf(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }

// isSecret reports whether text has the form of a secret. Other texts need no look-up.
func isSecret(text string) bool {
	random, ok := strings.CutPrefix(text, Prefix)
	return ok && len(random) >= minSecret && len(random) <= maxSecret && strings.Trim(random, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") == ""
}
