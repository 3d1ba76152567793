package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// The parameters of new hashes. They are those that OWASP recommends for argon2id (Password Storage Cheat Sheet).
var current = params{memory: 19 << 10, passes: 2, lanes: 1}

const (
	saltBytes = 16
	keyBytes  = 32

	minPassword = 12  // characters
	maxPassword = 256 // bytes
)

// CheckPassword returns an error if the password cannot be used as a new password.
func CheckPassword(password string) error {
	if !utf8.ValidString(password) || utf8.RuneCountInString(password) < minPassword || len(password) > maxPassword {
		return fmt.Errorf("a password has at least %d characters, and at most %d bytes", minPassword, maxPassword)
	}
	return nil
}

// newPassword returns a random password of 130 bits.
func newPassword() string { return strings.ToLower(rand.Text()) }

// params are the parameters of one hash. memory is in KiB.
type params struct {
	memory, passes uint32
	lanes          uint8
}

// hashFormat is the usual text form of an argon2id hash, up to its salt.
const hashFormat = "$argon2id$v=19$m=%d,t=%d,p=%d"

// ErrBusy is the error of a hash that had to wait too long for its turn.
var ErrBusy = errors.New("too many people sign in at the same time")

const (
	parallelHashes = 2
	maxHashWait    = 3 * time.Second
)

// hasher computes at most parallelHashes hashes at the same time.
type hasher struct{ slots chan struct{} }

func newHasher() hasher { return hasher{make(chan struct{}, parallelHashes)} }

// key derives the key of a password. It fails with ErrBusy if there is no slot for a while, and with the error of ctx if the person
// leaves before.
func (h hasher) key(ctx context.Context, password string, salt []byte, p params) ([]byte, error) {
	limited, cancel := context.WithTimeout(ctx, maxHashWait)
	defer cancel()
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-limited.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, context.Cause(ctx)
		}
		return nil, ErrBusy
	}
	return argon2.IDKey([]byte(password), salt, p.passes, p.memory, p.lanes, keyBytes), nil
}

// hash returns what is stored of a password.
func (h hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // it never fails
	key, err := h.key(ctx, password, salt, current)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(hashFormat+"$%s$%s", current.memory, current.passes, current.lanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key)), nil
}

// matches reports whether a password has this hash.
func (h hasher) matches(ctx context.Context, password, stored string) (bool, error) {
	p, salt, want, err := parseHash(stored)
	if err != nil {
		return false, err
	}
	if len(password) > maxPassword {
		password = "" // no user has an empty password; the hash is computed, so that the answer takes as long
	}
	key, err := h.key(ctx, password, salt, p)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, want) == 1, nil
}

// unknownUserHash matches no password. A sign-in with an unknown name is compared with it, so that it takes as long as another one.
var unknownUserHash = fmt.Sprintf(hashFormat, current.memory, current.passes, current.lanes) + "$" +
	strings.Repeat("A", base64.RawStdEncoding.EncodedLen(saltBytes)) + "$" + strings.Repeat("A", base64.RawStdEncoding.EncodedLen(keyBytes))

func parseHash(stored string) (p params, salt, key []byte, err error) {
	parts := strings.Split(stored, "$")
	if len(parts) != 6 {
		return p, nil, nil, errors.New("a stored password has an unknown form")
	}
	_, err = fmt.Sscanf(strings.Join(parts[:4], "$"), hashFormat, &p.memory, &p.passes, &p.lanes)
	salt, errSalt := base64.RawStdEncoding.DecodeString(parts[4])
	key, errKey := base64.RawStdEncoding.DecodeString(parts[5])
	if err = errors.Join(err, errSalt, errKey); err != nil {
		return p, nil, nil, fmt.Errorf("a stored password cannot be read: %w", err)
	}
	if p.memory > 1<<20 || p.passes < 1 || p.passes > 100 || p.lanes < 1 || len(key) != keyBytes {
		return p, nil, nil, errors.New("a stored password has parameters out of range")
	}
	return p, salt, key, nil
}
