package serviceframe_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/monsplit/monsplit/internal/apperr"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
	"github.com/monsplit/monsplit/internal/serviceframe"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	poison := func(code string) consumer.Verdict {
		return consumer.Verdict{Decision: consumer.PoisonEvent, Code: code}
	}
	retry := consumer.Verdict{Decision: consumer.RetryBatch}
	for name, c := range map[string]struct {
		err  error
		want consumer.Verdict
	}{
		"invalid":              {apperr.New(apperr.Invalid, "breaks a rule"), poison("invalid")},
		"invalid, with a code": {apperr.Coded(apperr.Invalid, "bad-name", "breaks a rule"), poison("bad-name")},
		"malformed":            {apperr.New(apperr.Malformed, "makes no sense"), poison("malformed")},
		"wrapped":              {fmt.Errorf("apply: %w", apperr.New(apperr.Invalid, "breaks a rule")), poison("invalid")},
		"conflict":             {apperr.New(apperr.Conflict, "not now"), retry},
		"not found":            {apperr.New(apperr.NotFound, "not there"), retry},
		"stale":                {apperr.New(apperr.Stale, "an old version"), retry},
		"in progress":          {apperr.New(apperr.InProgress, "ask again"), retry},
		"internal":             {apperr.New(apperr.Internal, "a bug"), retry},
		// The kind decides, and not the cause.
		"unavailable because of JSON": {apperr.New(apperr.Unavailable, "away").Because(&json.SyntaxError{}), retry},
		"unknown":                     {errors.New("unexpected"), consumer.Verdict{}},
	} {
		if got := serviceframe.Classify(c.err); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}
