package main

import (
	"regexp"
	"slices"
	"strings"

	"github.com/oasdiff/oasdiff/checker"
)

// levels raises the level of changes that oasdiff only mentions but v1 does not allow. oasdiff's rules protect only what a
// document promises. Here everything is protected that a consumer may read or send. A rule that this package does not know, for
// example from a later version of oasdiff, is raised too. oasdiff does not lower a level that is set here for the context of the
// change.
func levels() map[string]checker.Level {
	raised := map[string]checker.Level{}
	for _, rule := range checker.GetAllRules() {
		if rule.Level < checker.WARN && (harmful.MatchString(rule.Id) || !grows(rule) && !harmless.MatchString(rule.Id)) {
			raised[rule.Id] = checker.WARN
		}
	}
	return raised
}

// grows reports whether the document accepts, offers or promises more than before. Within v1 this is allowed.
func grows(rule checker.BackwardCompatibilityRule) bool {
	chosen := slices.Contains(rule.Guards, checker.GuardNegotiated) // a caller may choose it, or ignore it
	switch rule.Effect {
	case checker.EffectWidens:
		return rule.Direction != checker.DirectionResponse && len(rule.Guards) == 0 || chosen
	case checker.EffectNarrows:
		return rule.Direction == checker.DirectionResponse && len(rule.Guards) == 0
	default:
		return false
	}
}

// harmful are rules that look like a growth, but break consumers.
var harmful = oneOf(
	`response-(property|header)-schema-became-false`, // the service no longer sends it
	`response-media-type-name-specialized`,           // readers compare the name
)

// harmless are other rules whose changes neither a reader nor a sender can notice.
var harmless = oneOf(
	`.*-added`,
	`new-optional-.*`, `request-body-added-optional`,
	`(api-operation-id|api-tag|api-schema)-removed`, // names within the document
	`api-security-component-.*`,                     // the security of an operation has its own rules
	`(api|api-major)-version-.*`, `.*-stability-increased`,
	`.*-deprecated(-with-sunset)?`, `.*-reactivated`, // it still exists
	`.*-annotation-only`,
	`request-read-only-property-.*`, `request-required-property-became-not-read-only-.*`, // not sent, or sent before
	`response-((optional|required)-)?write-only-property-.*`,                     // not in answers
	`response-.*-became-(not-)?read-only`, `request-.*-became-(not-)?write-only`, // they concern the other direction
	`response-.*-became-not-write-only`, // one member more
)

func oneOf(ids ...string) *regexp.Regexp {
	return regexp.MustCompile("^(" + strings.Join(ids, "|") + ")$")
}
