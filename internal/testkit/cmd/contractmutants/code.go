package main

// These files are generated from the documents.
const (
	monolithMessages = "services/monolith/internal/messages/messages.gen.go"
	catalogMessages  = "services/catalog/internal/messages/messages.gen.go"
	monolithOAPI     = "services/monolith/internal/oapi/oapi.gen.go"
)

// codeMutations change what the code sends. The documents stay as they are.
func codeMutations() []mutation {
	sent := tests("TestProduct", "./services/monolith/internal/publish")
	lives := tests("TestProductLives", "./services/monolith/internal/httpapi")
	deleted := provider("monolith", "catalog-monolith", "a-product-deleted-event")
	edited := func(file, old, mutated string) []edit { return []edit{{file: file, old: old, mutated: mutated}} }
	created := func(old, mutated string) []edit {
		return []edit{{monolithOAPI, "func (response CreateProduct201JSONResponse) Visit", old, mutated}}
	}
	return []mutation{
		{"the code sends a field under another name", sent, "missing property 'name'",
			[]edit{{monolithMessages, "type Product struct {", "\tName string `json:\"name\"`", "\tName string `json:\"title\"`"}}},
		{"the code sends a version as a string", sent, "at '/data/version': got string, want integer",
			edited(monolithMessages, "\tVersion int64 `json:\"version\"`", "\tVersion int64 `json:\"version,string\"`")},
		{"the code leaves a CloudEvents attribute empty", sent, "at '/dataschema'", []edit{
			{monolithMessages, "\t\tType:             TypeProductCreated,\n", "\t\tDataSchema:       \"https://monsplit.github.io/schemas/product/v1\",\n", ""},
		}},
		{"the code answers with another status", lives, "POST /api/v1/product answered 200: status is not supported",
			created("w.WriteHeader(201)", "w.WriteHeader(200)")},
		{"the code leaves out a response header", lives, `POST /api/v1/product answered 201: response header "Location" missing`,
			created("\tw.Header().Set(\"Location\", fmt.Sprint(response.Headers.Location))\n", "")},
		{"the code publishes an event to another topic", tests("TestProductLives", "./services/monolith/internal/store"), "changed without its event",
			edited(monolithMessages, `TopicProduct = "monsplit.product.v1"`, `TopicProduct = "monsplit.products.v1"`)},
		{"the code sends another key", deleted,
			`Expected metadata key 'key' to have value '"0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35"' but was '"product-0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35"'`,
			edited("internal/messaging/outbox/row.go", "Key: []byte(r.key), Value:", `Key: []byte("product-" + r.key), Value:`)},
		{"the code sends another content type", deleted,
			`Expected metadata key 'contentType' to have value '"application/cloudevents+json"' but was '"application/json"'`,
			edited("internal/messaging/event/message.go", `ContentType = "application/cloudevents+json"`, `ContentType = "application/json"`)},
		{"the code answers without a field that a client uses", provider("monolith", "legacy-report-monolith", "all-markets"),
			"Actual map is missing the following keys: iso_code",
			edited(monolithOAPI, "`json:\"iso_code\"`", "`json:\"code\"`")},
		{"the code answers an error with another status", provider("catalog", "storefront-catalog", "the-offers-on-a-day-that-does-not-exist"),
			"expected 422 but was 400",
			edited("internal/httpserver/problem.go", "http.StatusUnprocessableEntity", "http.StatusBadRequest")},
	}
}

// ownerMutations change the code and the document in the same way, so that none of the owner's own tests notices.
func ownerMutations() []mutation {
	updated := provider("monolith", "catalog-monolith", "a-product-updated-event")
	ofUpdate := func(old, mutated string) edit {
		return edit{monolithMessages, "type ProductUpdatedEvent struct {", old, mutated}
	}
	return []mutation{
		{"the owner renames a field that the catalog uses", updated, "$.data -> Actual map is missing the following keys: product_category", []edit{
			{monolithEvents, "", productRequired, "required: [product_uuid, name, category, discontinued, "},
			{monolithEvents, "", "        product_category:\n          description:", "        category:\n          description:"},
			{monolithMessages, "", "\tProductCategory string `json:\"product_category\"`", "\tProductCategory string `json:\"category\"`"},
		}},
		{"the owner renames a field that the monolith uses", provider("catalog", "monolith-catalog", "an-entry-updated-event-open-again"),
			"$.data -> Actual map is missing the following keys: market", []edit{
				{catalogEvents, "", "[id, product, market, availability_date,", "[id, product, country, availability_date,"},
				{catalogEvents, "", "        market:\n          description:", "        country:\n          description:"},
				{catalogMessages, "", "\tMarket string `json:\"market\"`", "\tMarket string `json:\"country\"`"},
			}},
		{"the owner renames a CloudEvents attribute of an event", updated, "$ -> Actual map is missing the following keys: time", []edit{
			{monolithEvents, "", "type, subject, time, datacontenttype", "type, subject, datacontenttype"},
			{monolithEvents, "", "        time:\n          description:", "        at: { type: string }\n        time:\n          description:"},
			ofUpdate("`json:\"time\"`", "`json:\"at\"`"),
		}},
		{"the owner renames an event's type", updated,
			"$.type -> Expected 'monsplit.product.changed.v1' (String) to be equal to 'monsplit.product.updated.v1'", []edit{
				{monolithEvents, "", "const: monsplit.product.updated.v1", "const: monsplit.product.changed.v1"},
				{monolithMessages, "", `TypeProductUpdated = "monsplit.product.updated.v1"`, `TypeProductUpdated = "monsplit.product.changed.v1"`},
			}},
		{"the owner makes an aggregate's version a string", updated, "$.aggregateversion -> Expected '2' (String) to be an integer", []edit{
			{monolithEvents, "        aggregateversion:\n          description:", "type: integer", "type: [integer, string]"},
			ofUpdate("`json:\"aggregateversion\"`", "`json:\"aggregateversion,string\"`"),
		}},
	}
}

// consumerMutations change what a consumer reads or asks for, or what it says it does.
func consumerMutations() []mutation {
	const catalogConsume, monolithConsume = "services/catalog/internal/consume/product.go", "services/monolith/internal/consume/catalog.go"
	return []mutation{
		{"a consumer says that it uses a field that is not sent", contractsCheck(), "$.data -> Actual map is missing the following keys: weight", []edit{
			{"contracts/pacts/catalog-monolith.json", "", `"discontinued": true,`, `"weight": 7,` + "\n" + `            "discontinued": true,`},
		}},
		{"the catalog reads one field in place of another", consumer("catalog"), "Name:Seating Category:Oak chair", []edit{
			{catalogConsume, "", "`json:\"name\"`", "`json:\"product_category\"`"},
			{catalogConsume, "", "\tCategory     string    `json:\"product_category\"`", "\tCategory     string    `json:\"name\"`"},
		}},
		{"the monolith begins to use a field that is not sent", consumer("monolith"), `markets: got [], want ["Nederland`, []edit{
			{monolithConsume, "type marketData struct {\n", "\tName ", "\tRegion string `json:\"region\"`\n\tName "},
			{monolithConsume, "func toMarketData", "\tcase data.UpdatedAt", "\tcase data.Region == \"\":\n\t\treturn catalogcopy.MarketData{}, missing(\"region\")\n\tcase data.UpdatedAt"},
		}},
		{"the storefront asks for longer pages than its contract says", typescript(), "Expected query parameter 'limit' with value '200' but was '250'", []edit{
			{"api/client/ts/src/list.ts", "", "maxLimit = 200", "maxLimit = 250"},
		}},
	}
}
