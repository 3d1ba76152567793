package adminmessages

import (
	"fmt"
	"strings"

	"github.com/monsplit/monsplit/internal/account"
	"github.com/monsplit/monsplit/internal/messaging/consumer"
)

// The steps about a dead letter end with what closes it.
const (
	badForm  = "The event does not have the form that this release expects. If its sender has a newer release, start the release of this service that reads it. If the sender is wrong, correct the sender."
	badData  = "The database refused what the event says. The reason names the rule. Correct the data here, or the service that sent the event."
	badRule  = "A rule of this service refused the event, as the reason says. Correct what the reason names: data of this service, or the service that sent the event."
	sqlState = "sqlstate-"
)

// causes say how to repair each kind of failure.
var causes = map[string]string{
	"undecodable":  badForm,
	"bad-key":      badForm,
	"key-mismatch": badForm,
	"panic":        "This release of the service has a bug. Start a release in which it is repaired.",
	"timeout":      "To apply the event took too long. Make sure that the database is fast, and that nothing locks its rows.",
	"unreadable":   "Kafka could not give the bytes of the event, so it cannot be replayed. Let its owner send it again: in the admin pages of the owner, choose “Sending”.",
	"skipped":      "An admin skipped the event. Repair what kept it from being applied.",
}

// letterSteps says what to do about an open dead letter.
func letterSteps(l consumer.DeadLetter) []step {
	cause, known := causes[l.Code]
	switch {
	case known:
	case strings.HasPrefix(l.Code, sqlState):
		cause = badData
	default:
		cause = badRule
	}
	one := fmt.Sprintf("/dead-letters/%d", l.ID)
	steps := []step{{Text: cause}, {Text: "Then apply the event again. If it fails again, nothing is lost.", Path: one + "/replay", Link: "Replay…", Role: account.Editor}}
	if l.Code == "unreadable" {
		steps = steps[:1]
	}
	if l.Version != nil {
		steps = append(steps, step{Text: "Or save the thing again in the service that owns it: its next event closes this dead letter by itself."})
	}
	return append(steps, step{Text: "If nothing is missing here without the event, give it up.", Path: one + "/discard", Link: "Discard…", Role: account.Admin})
}
