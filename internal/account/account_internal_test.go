package account

import (
	"context"
	"encoding/base64"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestRolesIncludeEachOther(t *testing.T) {
	t.Parallel()
	for i, r := range Roles {
		for j, other := range Roles {
			if r.Includes(other) != (i >= j) {
				t.Errorf("%s includes %s: %t", r, other, r.Includes(other))
			}
		}
		if r.Includes("") || Role("").Includes(r) || Role("owner").Includes(r) {
			t.Errorf("an unknown role and %s", r)
		}
	}
}

// A hash tells its parameters, so that they can change. Damaged hashes match nothing.
func TestHashes(t *testing.T) {
	t.Parallel()
	h := newHasher()
	stored, err := h.hash(t.Context(), "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	const other = "$argon2id$v=19$m=64,t=1,p=2$c29tZXNhbHRzb21lc2FsdA$" // the key is appended
	key, err := h.key(t.Context(), "correct horse battery", []byte("somesaltsomesalt"), params{64, 1, 2})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		password, stored string
		want, fails      bool
	}{
		"right":            {"correct horse battery", stored, true, false},
		"wrong":            {"correct horse batterx", stored, false, false},
		"other parameters": {"correct horse battery", other + base64.RawStdEncoding.EncodeToString(key), true, false},
		"an unknown user":  {"", unknownUserHash, false, false},
		"empty":            {"", "", false, true},
		"plain text":       {"pass", "pass", false, true},
		"cut off":          {"x", stored[:len(stored)-4], false, true},
		"huge memory":      {"x", "$argon2id$v=19$m=4000000000,t=1,p=2$c29tZXNhbHRzb21lc2FsdA$" + base64.RawStdEncoding.EncodeToString(key), false, true},
	} {
		got, err := h.matches(t.Context(), tt.password, tt.stored)
		if got != tt.want || (err != nil) != tt.fails {
			t.Errorf("%s: %t, %v", name, got, err)
		}
	}
}

// At most two hashes run at the same time. Another one waits for its turn, but not forever.
func TestParallelHashesAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHasher()
		for range parallelHashes {
			h.slots <- struct{}{}
		}
		began := time.Now()
		if _, err := h.hash(t.Context(), "correct horse battery"); !errors.Is(err, ErrBusy) || time.Since(began) != maxHashWait {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		ctx, leave := context.WithCancel(t.Context())
		answered := make(chan error, 1)
		go func() {
			_, err := h.hash(ctx, "correct horse battery")
			answered <- err
		}()
		synctest.Wait()
		leave()
		if err := <-answered; !errors.Is(err, context.Canceled) || errors.Is(err, ErrBusy) {
			t.Errorf("after the person has left: %v", err)
		}
		<-h.slots
		if _, err := h.hash(t.Context(), "correct horse battery"); err != nil {
			t.Error(err)
		}
	})
}

func TestAnAttemptIsAllowedAgainAfterAPause(t *testing.T) {
	t.Parallel()
	th := newThrottle(pace{burst: 2, pause: time.Minute})
	now := time.Now()
	if first, second := th.take("a", now), th.take("a", now); first != 0 || second != 0 {
		t.Error("the first two are not allowed")
	}
	if wait := th.take("a", now); wait != time.Minute {
		t.Errorf("the third one waits %s", wait)
	}
	if wait := th.take("a", now.Add(time.Minute)); wait != 0 {
		t.Errorf("a minute later it waits %s", wait)
	}
	th.giveBack("a")
	if wait := th.take("a", now.Add(time.Minute)); wait != 0 {
		t.Errorf("after a success it waits %s", wait)
	}
}

func TestAddressKeys(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::/64", "2001:db8::2:0:0:1": "2001:db8::/64",
		"2001:db8:0:1::1": "2001:db8:0:1::/64", "fe80::1%eth0": "fe80::/64", "unknown": "unknown",
	} {
		if got := addressKey(address); got != want {
			t.Errorf("%s has the key %s, want %s", address, got, want)
		}
	}
}
