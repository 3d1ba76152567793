package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/oasdiff/oasdiff/checker"
)

// levels raises what oasdiff merely mentions and v1 does not allow: its rules keep to what a document promises, while here
// nothing goes that somebody may read or send. A rule that nobody has looked at, as a later oasdiff may bring, is raised.
// A level that is set here is also not lowered again for what oasdiff finds around the change.
func levels() map[string]checker.Level {
	raised := map[string]checker.Level{}
	for _, rule := range checker.GetAllRules() {
		if rule.Level < checker.WARN && (harmful.MatchString(rule.Id) || !grows(rule) && !harmless.MatchString(rule.Id)) {
			raised[rule.Id] = checker.WARN
		}
	}
	return raised
}

// grows says whether more is accepted, offered or promised than before: what may change within v1.
func grows(rule checker.BackwardCompatibilityRule) bool {
	chosen := slices.Contains(rule.Guards, checker.GuardNegotiated) // what a caller may choose, or pass over
	switch rule.Effect {
	case checker.EffectWidens:
		return rule.Direction != checker.DirectionResponse && len(rule.Guards) == 0 || chosen
	case checker.EffectNarrows:
		return rule.Direction == checker.DirectionResponse && len(rule.Guards) == 0
	default:
		return false
	}
}

// harmful are rules that look as if more was promised.
var harmful = oneOf(
	`response-(property|header)-schema-became-false`, // it is no longer sent
	`response-media-type-name-specialized`,           // readers compare the name
)

// harmless are the others by which neither a reader nor a sender notices anything.
var harmless = oneOf(
	`.*-added`,
	`new-optional-.*`, `request-body-added-optional`,
	`(api-operation-id|api-tag|api-schema)-removed`, // names within the document
	`api-security-component-.*`,                     // what an operation asks for has rules of its own
	`(api|api-major)-version-.*`, `.*-stability-increased`,
	`.*-deprecated(-with-sunset)?`, `.*-reactivated`, // it is there as before
	`.*-annotation-only`,
	`request-read-only-property-.*`, `request-required-property-became-not-read-only-.*`, // not sent, or sent before
	`response-((optional|required)-)?write-only-property-.*`,                     // not in answers
	`response-.*-became-(not-)?read-only`, `request-.*-became-(not-)?write-only`, // they speak of the other direction
	`response-.*-became-not-write-only`, // one member more
)

func oneOf(ids ...string) *regexp.Regexp {
	return regexp.MustCompile("^(" + strings.Join(ids, "|") + ")$")
}
