package account_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/monsplit/monsplit/internal/account"
)

// Guesses stop by name from many addresses, and by address with many names. Other names and addresses go on.
func TestThrottle(t *testing.T) {
	t.Parallel()
	users, _ := setup(t)
	if _, err := users.CreateFirst(t.Context(), account.Settings{Demo: true}); err != nil {
		t.Fatal(err)
	}
	throttled := func(name, password, address string) bool {
		_, err := users.SignIn(t.Context(), name, password, address)
		var e *account.ThrottledError
		return errors.As(err, &e) && e.Wait > 0
	}
	guesses := 0
	for guesses < 50 && !throttled("admin", "guess", fmt.Sprintf("198.51.100.%d", guesses)) {
		guesses++
	}
	if guesses < 5 || guesses > 15 {
		t.Errorf("%d guesses of one password", guesses)
	}
	if !throttled("admin", "pass", home) {
		t.Error("the right password got around the throttle")
	}
	var e *account.ThrottledError
	if _, err := users.ChangePassword(t.Context(), account.User{Name: "admin"}, "guess", "correct horse battery", home); !errors.As(err, &e) {
		t.Errorf("a session gets around the throttle: %v", err)
	}
	guesses = 0
	for guesses < 50 && !throttled(fmt.Sprint("user", guesses), "guess", "2001:db8::"+fmt.Sprint(guesses+1)) {
		guesses++
	}
	if guesses < 10 || guesses > 30 {
		t.Errorf("%d guesses of one network", guesses)
	}
	if throttled("someone", "guess", "203.0.113.7") {
		t.Error("another address is throttled")
	}
	for range 30 { // on a slow machine the throttle of the name lets one or two of them pass
		throttled("admin", "guess", "203.0.113.8")
	}
	if throttled("someone", "guess", "203.0.113.8") {
		t.Error("attempts that were no guesses throttle their address")
	}
}

// Many people behind one address can sign in one after the other: only wrong guesses count.
func TestRightPasswordsAreNotThrottled(t *testing.T) {
	t.Parallel()
	users, _ := setup(t)
	if _, err := users.CreateFirst(t.Context(), account.Settings{Demo: true}); err != nil {
		t.Fatal(err)
	}
	for n := range 25 {
		if _, err := users.SignIn(t.Context(), "admin", "pass", home); err != nil {
			t.Fatalf("sign-in %d: %v", n+1, err)
		}
	}
}
