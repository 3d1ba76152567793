package main

// mutation is one way to break a contract, and the gate that has to refuse it.
type mutation struct {
	what   string
	gate   gate
	reason string // has to be in one line of what the gate says
	edits  []edit
}

// edit replaces a text that is in the file once.
type edit struct{ file, old, mutated string }

const (
	monolithEvents   = "asyncapi/monolith.yaml"
	monolithAPI      = "api/monolith/openapi.yaml"
	monolithMessages = "services/monolith/internal/messages/messages.gen.go"
	monolithOAPI     = "services/monolith/internal/oapi/oapi.gen.go"
)

func mutations() []mutation {
	all := eventDocumentMutations()
	all = append(all, apiDocumentMutations()...)
	return append(all, codeMutations()...)
}

// The members of a product in the events' document.
const (
	required = "required: [product_uuid, name, product_category, discontinued, version, created_at, updated_at]"

	nameSchema = "        name:\n" +
		"          description: What it is called; unique within its category.\n" +
		"          type: string\n          minLength: 1\n          maxLength: 100\n          examples: [Rocking chair]\n"
)

// eventDocumentMutations change what an owner says of its events.
func eventDocumentMutations() []mutation {
	doc := func(what, reason string, pairs ...string) mutation {
		m := mutation{what: what, gate: contractsCheck(), reason: reason}
		for i := 0; i < len(pairs); i += 2 {
			m.edits = append(m.edits, edit{monolithEvents, pairs[i], pairs[i+1]})
		}
		return m
	}
	const created, updated = "monsplit.product.created.v1: ", "monsplit.product.updated.v1: "
	return []mutation{
		doc("an event's field renamed", updated+"removed the required property `data/name`",
			required, "required: [product_uuid, title, product_category, discontinued, version, created_at, updated_at]",
			nameSchema, "        title:"+nameSchema[len("        name:"):]),
		doc("an event's field dropped", updated+"removed the required property `data/discontinued`",
			required, "required: [product_uuid, name, product_category, version, created_at, updated_at]",
			"        discontinued:\n          description: Whether it is no longer made.\n          type: boolean\n", ""),
		doc("an event's field of another type", "`data/discontinued`'s property `type` changed from `boolean` to `string`",
			"Whether it is no longer made.\n          type: boolean", "Whether it is no longer made.\n          type: string"),
		doc("an event's field of another format", "`data/updated_at`'s property `format` changed from `date-time` to `date`",
			"When it was changed last, in UTC, with at most microseconds.\n          type: string\n          format: date-time\n",
			"When it was changed last, in UTC, with at most microseconds.\n          type: string\n          format: date\n"),
		doc("an event's required field made optional", updated+"the property `data/name` became optional",
			required, "required: [product_uuid, product_category, discontinued, version, created_at, updated_at]"),
		doc("an event's field made nullable", updated+"the property `data/name` became nullable",
			"unique within its category.\n          type: string", "unique within its category.\n          type: [string, 'null']"),
		doc("the topic", "monsplit.product.v1: the topic is now monsplit.products.v1",
			"    address: monsplit.product.v1", "    address: monsplit.products.v1"),
		doc("the number of partitions", "the number of partitions changed from 12 to 24", "        partitions: 12", "        partitions: 24"),
		doc("the key", `monsplit.product.created.v1: the Kafka key changed from {"format":"uuid","type":"string"} to {"type":"integer"}`,
			"      payload: { $ref: '#/components/schemas/ProductCreatedEvent' }\n      bindings:\n        kafka:\n          key: { type: string, format: uuid }",
			"      payload: { $ref: '#/components/schemas/ProductCreatedEvent' }\n      bindings:\n        kafka:\n          key: { type: integer }"),
		doc("the content type", created+"the content type changed from application/cloudevents+json to application/json",
			"      summary: A product was created, perhaps discontinued already.\n      contentType: application/cloudevents+json",
			"      summary: A product was created, perhaps discontinued already.\n      contentType: application/json"),
		doc("a CloudEvents attribute dropped", updated+"removed the required property `time`",
			"type, subject, time, datacontenttype", "type, subject, datacontenttype",
			"        time:\n          description: When it happened, in UTC, with at most microseconds.\n          type: string\n"+
				"          format: date-time\n          pattern: 'Z$'\n          examples: ['2026-03-01T09:30:00.123456Z']\n", ""),
		doc("an event's type renamed", created+"the event is no longer sent to monsplit.product.v1",
			"const: monsplit.product.created.v1", "const: monsplit.product.made.v1"),
		doc("a version that is a string", updated+"the `aggregateversion`'s property `type/format` changed from `integer/int64` to `string`",
			"          type: integer\n          format: int64\n          minimum: 1\n          x-go-name: AggregateVersion\n          examples: [1]",
			"          type: string\n          x-go-name: AggregateVersion\n          examples: ['1']"),
		{"a consumer begins to use a field that is not sent", contractsCheck(), "$.data -> Actual map is missing the following keys: weight", []edit{
			{"contracts/pacts/catalog-monolith.json", `"discontinued": true,`, `"weight": 7,` + "\n" + `            "discontinued": true,`},
		}},
	}
}

// apiDocumentMutations change what an owner says of its HTTP API.
func apiDocumentMutations() []mutation {
	doc := func(what, reason, old, mutated string) mutation {
		return mutation{what, contractsCheck(), reason, []edit{{monolithAPI, old, mutated}}}
	}
	return []mutation{
		doc("a value of an enum taken out", "removed the enum value `-name` from the `query` request parameter `sort`",
			"enum: [id, -id, name, -name, product_category,", "enum: [id, -id, name, product_category,"),
		doc("an HTTP status changed", "POST /api/v1/product: removed the success response with the status `201`",
			"        '201':\n          description: Created.", "        '200':\n          description: Created."),
		doc("a path renamed", "GET /api/v1/market: api path removed", "  /api/v1/market:", "  /api/v1/markets:"),
		doc("a query parameter made required", "GET /api/v1/product: the `query` request parameter `search` became required",
			"          description: Keeps products whose name", "          required: true\n          description: Keeps products whose name"),
		doc("a field of an answer made nullable", "GET /api/v1/market: the response property `items/iso_code` became nullable",
			"The ISO 3166-1 alpha-2 code.\n          type: string", "The ISO 3166-1 alpha-2 code.\n          nullable: true\n          type: string"),
		doc("a response header dropped", "GET /api/v1/product/{id}: the mandatory response header `ETag` removed for the status `200`",
			"          description: The product.\n          headers:\n            ETag: { $ref: '#/components/headers/ETag' }\n",
			"          description: The product.\n          headers:\n"),
	}
}

// codeMutations change what is really sent or read, while the documents stay as they are.
func codeMutations() []mutation {
	const product = "./services/monolith/internal/publish"
	deleted := provider("monolith", "catalog-monolith", "a-product-deleted-event")
	updated := provider("monolith", "catalog-monolith", "a-product-updated-event")
	lives := tests("TestProductLives", "./services/monolith/internal/httpapi")
	return []mutation{
		{"the code sends a field by another name", tests("TestProduct", product), "missing property 'name'", []edit{
			{monolithMessages, "\tName string `json:\"name\"`", "\tName string `json:\"title\"`"},
		}},
		{"the code sends a version as a string", tests("TestProduct", product), "at '/data/version': got string, want integer", []edit{
			{monolithMessages, "\tVersion int64 `json:\"version\"`", "\tVersion int64 `json:\"version,string\"`"},
		}},
		{"the code leaves a CloudEvents attribute empty", tests("TestProduct", product), "at '/dataschema'", []edit{
			{monolithMessages, "\t\tType:             TypeProductCreated,\n\t\tSubject:          subject,\n\t\tTime:             at,\n\t\tDataContentType:  \"application/json\",\n\t\tDataSchema:       \"https://monsplit.github.io/schemas/product/v1\",\n",
				"\t\tType:             TypeProductCreated,\n\t\tSubject:          subject,\n\t\tTime:             at,\n\t\tDataContentType:  \"application/json\",\n"},
		}},
		{"the code answers with another status", lives, "POST /api/v1/product answered 200: response header Content-Type", []edit{
			{monolithOAPI, "response.Headers.Location))\n\tw.WriteHeader(201)", "response.Headers.Location))\n\tw.WriteHeader(200)"},
		}},
		{"the code leaves out a response header", lives, `POST /api/v1/product answered 201: response header "Location" missing`, []edit{
			{monolithOAPI, "\tw.Header().Set(\"Location\", fmt.Sprint(response.Headers.Location))\n", ""},
		}},
		{"the code sends another field than a consumer uses", updated, "$.data -> Actual map is missing the following keys: product_category", []edit{
			{monolithMessages, "\tProductCategory string `json:\"product_category\"`", "\tProductCategory string `json:\"category\"`"},
		}},
		{"the code sends another key", deleted, `"key" with value`, []edit{
			{"internal/messaging/outbox/stream.go", "Key: []byte(r.key), Value:", `Key: []byte("product-" + r.key), Value:`},
		}},
		{"the code announces a change in another topic", tests("TestProductLives", "./services/monolith/internal/store"), "changed without its event", []edit{
			{monolithMessages, `TopicProduct = "monsplit.product.v1"`, `TopicProduct = "monsplit.products.v1"`},
		}},
		{"the code sends another content type", deleted, `"contentType" with value "application/cloudevents+json" (FAILED)`, []edit{
			{"internal/messaging/event/message.go", `ContentType = "application/cloudevents+json"`, `ContentType = "application/json"`},
		}},
		{"the code answers without a field that a client uses", provider("monolith", "legacy-report-monolith", "all-markets"), "Actual map is missing the following keys: iso_code", []edit{
			{monolithOAPI, "`json:\"iso_code\"`", "`json:\"code\"`"},
		}},
		{"the consumer takes one field for another", consumer("catalog"), "the copy is {", []edit{
			{"services/catalog/internal/consume/product.go", "`json:\"name\"`", "`json:\"product_category\"`"},
			{"services/catalog/internal/consume/product.go", "\tCategory     string    `json:\"product_category\"`", "\tCategory     string    `json:\"name\"`"},
		}},
	}
}
