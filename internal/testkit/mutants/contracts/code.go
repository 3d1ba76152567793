package main

// The code that is generated from the documents.
const (
	monolithMessages = "services/monolith/internal/messages/messages.gen.go"
	catalogMessages  = "services/catalog/internal/messages/messages.gen.go"
	monolithOAPI     = "services/monolith/internal/oapi/oapi.gen.go"
)

// providerMutations change what is really sent, while the documents stay as they are.
func providerMutations() []mutation {
	sent := tests("TestProduct", "./services/monolith/internal/publish")
	lives := tests("TestProductLives", "./services/monolith/internal/httpapi")
	deleted := provider("monolith", "catalog-monolith", "a-product-deleted-event")
	updated := provider("monolith", "catalog-monolith", "a-product-updated-event")
	edited := func(old, mutated string) edit { return edit{file: monolithMessages, old: old, mutated: mutated} }
	ofUpdate := func(old, mutated string) edit {
		return edit{monolithMessages, "type ProductUpdatedEvent struct {", old, mutated}
	}
	return []mutation{
		{"the code sends a field by another name", sent, "missing property 'name'", []edit{
			edited("\tName string `json:\"name\"`", "\tName string `json:\"title\"`"),
		}},
		{"the code sends a version as a string", sent, "at '/data/version': got string, want integer", []edit{
			edited("\tVersion int64 `json:\"version\"`", "\tVersion int64 `json:\"version,string\"`"),
		}},
		{"the code leaves a CloudEvents attribute empty", sent, "at '/dataschema'", []edit{
			{monolithMessages, "\t\tType:             TypeProductCreated,\n", "\t\tDataSchema:       \"https://monsplit.github.io/schemas/product/v1\",\n", ""},
		}},
		{"the code answers with another status", lives, "POST /api/v1/product answered 200: response header Content-Type", []edit{
			{monolithOAPI, "", "response.Headers.Location))\n\tw.WriteHeader(201)", "response.Headers.Location))\n\tw.WriteHeader(200)"},
		}},
		{"the code leaves out a response header", lives, `POST /api/v1/product answered 201: response header "Location" missing`, []edit{
			{monolithOAPI, "", "\tw.Header().Set(\"Location\", fmt.Sprint(response.Headers.Location))\n", ""},
		}},
		{"the code announces a change in another topic", tests("TestProductLives", "./services/monolith/internal/store"), "changed without its event", []edit{
			edited(`TopicProduct = "monsplit.product.v1"`, `TopicProduct = "monsplit.products.v1"`),
		}},
		{"the code sends another field than the catalog uses", updated, "$.data -> Actual map is missing the following keys: product_category", []edit{
			edited("\tProductCategory string `json:\"product_category\"`", "\tProductCategory string `json:\"category\"`"),
		}},
		{"the code sends a CloudEvents attribute by another name", updated, "$ -> Actual map is missing the following keys: time", []edit{
			ofUpdate("`json:\"time\"`", "`json:\"at\"`"),
		}},
		{"the code sends another type of event", updated, "$.type -> Expected 'monsplit.product.changed.v1' (String) to be equal to 'monsplit.product.updated.v1'", []edit{
			edited(`TypeProductUpdated = "monsplit.product.updated.v1"`, `TypeProductUpdated = "monsplit.product.changed.v1"`),
		}},
		{"the code sends an aggregate's version as a string", updated, "$.aggregateversion -> Expected '2' (String) to be an integer", []edit{
			ofUpdate("`json:\"aggregateversion\"`", "`json:\"aggregateversion,string\"`"),
		}},
		{"the code sends another key", deleted, `"key" with value "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35" (FAILED)`, []edit{
			{"internal/messaging/outbox/stream.go", "", "Key: []byte(r.key), Value:", `Key: []byte("product-" + r.key), Value:`},
		}},
		{"the code sends another content type", deleted, `"contentType" with value "application/cloudevents+json" (FAILED)`, []edit{
			{"internal/messaging/event/message.go", "", `ContentType = "application/cloudevents+json"`, `ContentType = "application/json"`},
		}},
		{"the catalog's code sends another field than the monolith uses", provider("catalog", "monolith-catalog", "an-entry-updated-event-open-again"),
			"$.data -> Actual map is missing the following keys: market", []edit{
				{catalogMessages, "", "\tMarket string `json:\"market\"`", "\tMarket string `json:\"country\"`"},
			}},
		{"the code answers without a field that a client uses", provider("monolith", "legacy-report-monolith", "all-markets"),
			"Actual map is missing the following keys: iso_code", []edit{
				{monolithOAPI, "", "`json:\"iso_code\"`", "`json:\"code\"`"},
			}},
		{"the code answers a fault with another status", provider("catalog", "storefront-catalog", "offers-on-a-day-that-is-none"),
			"has status code 422 (FAILED)", []edit{
				{"internal/httpserver/problem.go", "", "http.StatusUnprocessableEntity", "http.StatusBadRequest"},
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
		{"the catalog takes one field for another", consumer("catalog"), "the copy is {", []edit{
			{catalogConsume, "", "`json:\"name\"`", "`json:\"product_category\"`"},
			{catalogConsume, "", "\tCategory     string    `json:\"product_category\"`", "\tCategory     string    `json:\"name\"`"},
		}},
		{"the monolith begins to use a field that is not sent", consumer("monolith"), `markets: got [], want ["Nederland"]`, []edit{
			{monolithConsume, "type marketData struct {\n", "\tName ", "\tRegion string `json:\"region\"`\n\tName "},
			{monolithConsume, "func toMarketData", "\tcase data.UpdatedAt", "\tcase data.Region == \"\":\n\t\treturn catalogcopy.MarketData{}, missing(\"region\")\n\tcase data.UpdatedAt"},
		}},
		{"the storefront asks for longer pages than it says", typescript(), "Expected query parameter 'limit' with value '200' but was '250'", []edit{
			{"api/client/ts/src/list.ts", "", "maxLimit = 200", "maxLimit = 250"},
		}},
	}
}
