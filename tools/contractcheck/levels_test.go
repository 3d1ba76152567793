package main

import (
	"maps"
	"slices"
	"testing"

	"github.com/oasdiff/oasdiff/checker"
)

// TestRaisedRules is the list of what is not allowed here and oasdiff merely mentions: one that another version of it
// brings has to be looked at.
func TestRaisedRules(t *testing.T) {
	t.Parallel()
	want := []string{
		checker.OptionalResponseHeaderRemovedId, checker.ResponseOptionalPropertyRemovedId, checker.ResponseNonSuccessStatusRemovedId,
		checker.ResponseOptionalPropertyBecameWriteOnlyId, checker.ResponsePropertySchemaBecameFalseId, checker.ResponseHeaderSchemaBecameFalseId,
		checker.ResponseMediaTypeNameSpecializedId,

		// That it was announced helps nobody who still relies on it. With the excuses taken out it does not come to these.
		checker.APIPathRemovedWithDeprecationId, checker.APIRemovedWithDeprecationId, checker.RequestParameterRemovedWithDeprecationId,
		checker.RequestPropertyRemovedWithDeprecationId, checker.ResponseRequiredPropertyRemovedWithDeprecationId,

		// What is left out means something else.
		checker.RequestParameterDefaultValueChangedId, checker.RequestParameterDefaultValueRemovedId,
		checker.RequestBodyDefaultValueChangedId, checker.RequestBodyDefaultValueRemovedId,
		checker.RequestPropertyDefaultValueChangedId, checker.RequestPropertyDefaultValueRemovedId,
		checker.ResponseBodyDefaultValueChangedId, checker.ResponseBodyDefaultValueRemovedId,
		checker.ResponsePropertyDefaultValueChangedId, checker.ResponsePropertyDefaultValueRemovedId,

		// What tells one shape from the other is no longer there, or tells another.
		checker.RequestBodyDiscriminatorRemovedId, checker.RequestBodyDiscriminatorPropertyNameChangedId,
		checker.RequestBodyDiscriminatorMappingDeletedId, checker.RequestBodyDiscriminatorMappingChangedId,
		checker.RequestPropertyDiscriminatorRemovedId, checker.RequestPropertyDiscriminatorPropertyNameChangedId,
		checker.RequestPropertyDiscriminatorMappingDeletedId, checker.RequestPropertyDiscriminatorMappingChangedId,
		checker.ResponseBodyDiscriminatorRemovedId, checker.ResponseBodyDiscriminatorPropertyNameChangedId,
		checker.ResponseBodyDiscriminatorMappingDeletedId, checker.ResponseBodyDiscriminatorMappingChangedId,
		checker.ResponsePropertyDiscriminatorRemovedId, checker.ResponsePropertyDiscriminatorPropertyNameChangedId,
		checker.ResponsePropertyDiscriminatorMappingDeletedId, checker.ResponsePropertyDiscriminatorMappingChangedId,
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(levels())); !slices.Equal(got, want) {
		t.Errorf("raised are\n%q\nwant\n%q", got, want)
	}
}
