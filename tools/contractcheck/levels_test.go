package main

import (
	"maps"
	"slices"
	"testing"

	"github.com/oasdiff/oasdiff/checker"
)

// TestRaisedRules has the list of changes that are not allowed here but that oasdiff only mentions. If another version of oasdiff
// brings a new one, an engineer must review it.
func TestRaisedRules(t *testing.T) {
	t.Parallel()
	want := []string{
		checker.OptionalResponseHeaderRemovedId, checker.ResponseOptionalPropertyRemovedId, checker.ResponseNonSuccessStatusRemovedId,
		checker.ResponseOptionalPropertyBecameWriteOnlyId, checker.ResponsePropertySchemaBecameFalseId, checker.ResponseHeaderSchemaBecameFalseId,
		checker.ResponseMediaTypeNameSpecializedId,

		// An announcement does not help a consumer that still relies on the part. These rules do not apply after unexcused.
		checker.APIPathRemovedWithDeprecationId, checker.APIRemovedWithDeprecationId, checker.RequestParameterRemovedWithDeprecationId,
		checker.RequestPropertyRemovedWithDeprecationId, checker.ResponseRequiredPropertyRemovedWithDeprecationId,

		// A missing member now means something else.
		checker.RequestParameterDefaultValueChangedId, checker.RequestParameterDefaultValueRemovedId,
		checker.RequestBodyDefaultValueChangedId, checker.RequestBodyDefaultValueRemovedId,
		checker.RequestPropertyDefaultValueChangedId, checker.RequestPropertyDefaultValueRemovedId,
		checker.ResponseBodyDefaultValueChangedId, checker.ResponseBodyDefaultValueRemovedId,
		checker.ResponsePropertyDefaultValueChangedId, checker.ResponsePropertyDefaultValueRemovedId,

		// The member that distinguishes the variants is missing now, or has another meaning.
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
