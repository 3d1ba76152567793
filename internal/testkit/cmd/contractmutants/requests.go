package main

const (
	changePublish  = "services/monolith/internal/publish/change.go"
	entryPublish   = "services/catalog/internal/publish/entry.go"
	requestConsume = "services/catalog/internal/consume/entryrequest.go"
	entryConsume   = "services/monolith/internal/consume/catalog.go"
)

// requestDocumentMutations change what the services promise about requests to change entries, and about their outcomes.
func requestDocumentMutations() []mutation {
	const requested, decided = "monsplit.catalog-entry.change-requested.v1: ", "monsplit.catalog-entry.change-decided.v1: "
	const kinds = "enum: [accepted, unchanged, refused, expired, unreadable]"
	outcome := func(mutated string) edit { return edit{file: catalogEvents, old: kinds, mutated: mutated} }
	answer := func(place, old, mutated string) edit { return edit{monolithAPI, place, old, mutated} }
	return []mutation{
		documented("a kind of outcome is added", decided+"added the new `postponed` enum value",
			outcome("enum: [accepted, unchanged, refused, expired, unreadable, postponed]")),
		{"a kind of outcome is removed", tests("TestOutcome", "./services/catalog/internal/publish"), "at '/data/outcome': value must be one of",
			[]edit{outcome("enum: [accepted, unchanged, refused, unreadable]")}},
		documented("a member of a request is renamed", requested+"removed the required property `data/product_version`",
			edit{monolithEvents, "", "required: [operation, entry, product, product_version,", "required: [operation, entry, product, version,"},
			edit{monolithEvents, "", "        product_version:\n          description:", "        version:\n          description:"}),
		documented("an optional member of a request is removed", requested+"removed the optional property `data/if_match`",
			edit{monolithEvents, "", "        if_match:\n          description:", "        condition:\n          description:"}),
		documented("the problem of an outcome is removed", decided+"removed the optional property `data/problem`",
			edit{catalogEvents, "", "        problem: { $ref: '#/components/schemas/Problem' }\n", ""}),
		documented("the cause of an event is removed", "monsplit.catalog-entry.updated.v1: removed the optional property `causationid`",
			edit{catalogEvents, "", "        causationid:\n          description:", "        cause:\n          description:"}),
		documented("requests are kept for less time", "monsplit.catalog-entry-request.v1: retention.ms fell from 3283200000 to 2592000000",
			edit{monolithEvents, "", "retention.ms: 3283200000", "retention.ms: 2592000000"}),
		documented("outcomes are compacted", "monsplit.catalog-entry-outcome.v1: cleanup.policy changed from delete to compact",
			edit{catalogEvents, "topic: monsplit.catalog-entry-outcome.v1", "cleanup.policy: [delete]", "cleanup.policy: [compact]"}),
		documented("the answer to a pending change is removed", "POST /api/v1/catalog: removed the success response with the status `202`",
			answer("operationId: createCatalog\n", "        '202': { $ref: '#/components/responses/ChangeRequested' }\n", "")),
		documented("the address of a pending change is removed", "PATCH /api/v1/catalog/{id}: the mandatory response header `Location` removed for the status `202`",
			answer("    ChangeRequested:\n", "        Location: { $ref: '#/components/headers/ChangeLocation' }\n", "")),
		documented("an optional member of a change becomes required", "PUT /api/v1/catalog/{id}: the request property `availability_date` became required",
			answer("    LegacyEntryReplacement:\n      description: A whole", "      type: object\n", "      type: object\n      required: [availability_date]\n")),
	}
}

// requestCodeMutations change what the services send about requests, and what they read. In the last two, a service requires a
// member that may be absent.
func requestCodeMutations() []mutation {
	one := func(file, after, old, mutated string) []edit { return []edit{{file, after, old, mutated}} }
	request := func(interaction string) gate { return provider("monolith", "catalog-monolith", interaction) }
	outcome := func(interaction string) gate { return provider("catalog", "monolith-catalog", interaction) }
	const halfSent = "a-request-to-patch-an-entry-with-a-date-that-is-null-and-one-that-was-not-sent"
	return []mutation{
		{"the code sends null for a date that was not sent", request(halfSent),
			`$.data.values -> Expected {"availability_date":"null","availability_end_date":"null"} to be equal to {"availability_date":"null"}`,
			one(changePublish, "case !d.Sent:\n", "return nil", "return nullable.NewNullNullable[types.Date]()")},
		{"the code leaves out a date that was sent as null", request(halfSent), `$.data.values -> Expected {} to be equal to {"availability_date":"null"}`,
			one(changePublish, "case d.Day == nil:\n", "return nullable.NewNullNullable[types.Date]()", "return nil")},
		{"the code sends a request without the condition of its caller", request("a-request-to-patch-an-entry-if-it-is-at-a-version"),
			"$.data -> Actual map is missing the following keys: if_match", one(changePublish, "", "IfMatch: r.Match, ", "")},
		{"the code sends another id in the header of a request", request("a-request-to-delete-an-entry"),
			`Expected metadata key 'ce_id' to have value '"0198c0de-7f42-7c33-8e51-4dbc66f90832"' but was '"request-0198c0de-7f42-7c33-8e51-4dbc66f90832"'`,
			one("internal/messaging/outbox/row.go", "", "Value: []byte(r.eventID.String())", `Value: []byte("request-" + r.eventID.String())`)},
		{"the code leaves out the cause of an event", outcome("an-entry-updated-event-caused-by-a-request"),
			"$ -> Actual map is missing the following keys: causationid", one(entryPublish, "", "\t\tupdated.CausationID = toCausation(e.Cause)\n", "")},
		{"the code answers a refusal without its faults", outcome("the-outcome-of-a-request-with-a-fault"), "Actual map is missing the following keys: errors",
			one("services/catalog/internal/publish/outcome.go", "", "range p.Errors", "range p.Errors[:0]")},
		{"the owner renames a kind of outcome", outcome("the-outcome-of-a-request-that-changed-nothing"),
			"$.data.outcome -> Expected 'same' (String) to be equal to 'unchanged'", []edit{
				{catalogEvents, "", "enum: [accepted, unchanged, refused,", "enum: [accepted, same, refused,"},
				{"internal/messaging/request/outcome.go", "", `= "unchanged"`, `= "same"`},
			}},
		{"the asker renames a member of a request", request("a-request-to-delete-an-entry"), "$.data -> Actual map is missing the following keys: product_version", []edit{
			{monolithEvents, "", "required: [operation, entry, product, product_version,", "required: [operation, entry, product, version,"},
			{monolithEvents, "", "        product_version:\n          description:", "        version:\n          description:"},
			{monolithMessages, "", "`json:\"product_version\"`", "`json:\"version\"`"},
		}},
		{"the catalog requires a condition in each request", consumer("catalog"), `want version 1 in BE from "2026-03-01" to "2026-09-30"`,
			one(requestConsume, "", "\tcase d.Entry == uuid.Nil:\n", "\tcase !d.IfMatch.present:\n\t\treturn missing(\"if_match\")\n\tcase d.Entry == uuid.Nil:\n")},
		{"the monolith requires a cause of each event", consumer("monolith"), "There is no catalog entry 1",
			one(entryConsume, "func toEntryData", "\tcase data.Product == uuid.Nil:", "\tcase e.CausationID == \"\":\n\t\treturn catalogcopy.EntryData{}, missing(\"causationid\")\n\tcase data.Product == uuid.Nil:")},
	}
}
