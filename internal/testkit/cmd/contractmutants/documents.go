package main

// The documents of the owners.
const (
	monolithEvents = "asyncapi/monolith.yaml"
	catalogEvents  = "asyncapi/catalog.yaml"
	monolithAPI    = "api/monolith/openapi.yaml"
	catalogAPI     = "api/catalog/openapi.yaml"
)

// documented is a mutation of a document: of what an owner promises.
func documented(what, reason string, edits ...edit) mutation {
	return mutation{what, contractsCheck(), reason, edits}
}

// The members of a product in the events' document.
const (
	// Only the beginning, so that a further field needs no change here.
	productRequired = "required: [product_uuid, name, product_category, discontinued, "
	productName     = "        name:\n" +
		"          description: The name of the product. It is unique within its category.\n" +
		"          type: string\n          minLength: 1\n          maxLength: 100\n          examples: [Rocking chair]\n"
)

// eventDocumentMutations change what an owner promises about its events.
func eventDocumentMutations() []mutation {
	edited := func(old, mutated string) edit { return edit{file: monolithEvents, old: old, mutated: mutated} }
	after := func(place, old, mutated string) edit { return edit{monolithEvents, place, old, mutated} }
	const created, updated = "monsplit.product.created.v1: ", "monsplit.product.updated.v1: "
	return []mutation{
		documented("an event's field renamed", updated+"removed the required property `data/name`",
			edited(productRequired, "required: [product_uuid, title, product_category, discontinued, "),
			edited(productName, "        title:"+productName[len("        name:"):])),
		documented("an event's field dropped", updated+"removed the required property `data/discontinued`",
			edited(productRequired, "required: [product_uuid, name, product_category, "),
			edited("        discontinued:\n          description: Whether the product is no longer made.\n          type: boolean\n", "")),
		documented("an event's field of another type", "`data/discontinued`'s property `type` changed from `boolean` to `string`",
			after("Whether the product is no longer made.", "type: boolean", "type: string")),
		documented("an event's field of another format", "`data/updated_at`'s property `format` changed from `date-time` to `date`",
			after("The time of the last change", "format: date-time", "format: date")),
		documented("an event's required field made optional", updated+"the property `data/name` became optional",
			edited(productRequired, "required: [product_uuid, product_category, discontinued, ")),
		documented("an event's field made nullable", updated+"the property `data/name` became nullable",
			after("unique within its category.", "type: string", "type: [string, 'null']")),
		documented("an event's field that the monolith uses dropped", "monsplit.catalog-entry.updated.v1: removed the required property `data/market`",
			edit{file: catalogEvents, old: "[id, product, market, availability_date,", mutated: "[id, product, availability_date,"},
			edit{file: catalogEvents, old: "        market:\n          description: The market's ISO 3166-1 alpha-2 code.\n          type: string\n" +
				"          pattern: '^[A-Z]{2}$'\n          examples: [NL]\n"}),
		documented("the topic", "monsplit.product.v1: the topic is now monsplit.products.v1",
			edited("    address: monsplit.product.v1", "    address: monsplit.products.v1")),
		documented("the number of partitions", "the number of partitions changed from 12 to 24", edited("        topic: monsplit.product.v1\n        partitions: 12", "        topic: monsplit.product.v1\n        partitions: 24")),
		documented("what the topic keeps", "monsplit.product.v1: cleanup.policy changed from compact to delete",
			edited("cleanup.policy: [compact]", "cleanup.policy: [delete]")),
		documented("the key", created+`the Kafka key changed from {"format":"uuid","type":"string"} to {"type":"integer"}`,
			after("      payload: { $ref: '#/components/schemas/ProductCreatedEvent' }", "key: { type: string, format: uuid }", "key: { type: integer }")),
		documented("the content type", created+"the content type changed from application/cloudevents+json to application/json",
			after("summary: A product was created.", "application/cloudevents+json", "application/json")),
		documented("a CloudEvents attribute dropped", updated+"removed the required property `time`",
			edited("type, subject, time, datacontenttype", "type, subject, datacontenttype"),
			edited("        time:\n          description: The time of the change in UTC, with at most six decimals of a second.\n          type: string\n"+
				"          format: date-time\n          pattern: 'Z$'\n          examples: ['2026-03-01T09:30:00.123456Z']\n", "")),
		documented("an event's optional header dropped", updated+"removed the optional property `header traceparent`",
			edited("        traceparent:\n          description: The W3C trace context of the change, if the change was traced.\n          type: string\n"+
				"          pattern: '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'\n", "")),
		documented("an event's type renamed", created+"the event is no longer sent to monsplit.product.v1",
			edited("const: monsplit.product.created.v1", "const: monsplit.product.made.v1")),
		documented("a version that is a string", updated+"the `aggregateversion`'s property `type/format` changed from `integer/int64` to `string`",
			edited("          type: integer\n          format: int64\n          minimum: 1\n          x-go-name: AggregateVersion\n          examples: [1]",
				"          type: string\n          x-go-name: AggregateVersion\n          examples: ['1']")),
	}
}

// apiDocumentMutations change what an owner promises about its HTTP API.
func apiDocumentMutations() []mutation {
	edited := func(old, mutated string) edit { return edit{file: monolithAPI, old: old, mutated: mutated} }
	after := func(place, old, mutated string) edit { return edit{monolithAPI, place, old, mutated} }
	return []mutation{
		documented("a value of an enum taken out", "removed the enum value `-name` from the `query` request parameter `sort`",
			edited("enum: [id, -id, name, -name, product_category,", "enum: [id, -id, name, product_category,")),
		documented("an HTTP status changed", "POST /api/v1/product: removed the success response with the status `201`",
			after("operationId: createProduct", "'201':", "'200':")),
		documented("the HTTP status of a fault changed", "GET /api/v1/product/{id}: removed the non-success response with the status `404`",
			after("operationId: getProduct", "'404':", "'410':")),
		documented("the HTTP status of a fault dropped", "GET /catalog/api/v1: removed the non-success response with the status `422`",
			edit{catalogAPI, "operationId: listEntries", "        '422': { $ref: '#/components/responses/InvalidQuery' }\n", ""}),
		documented("a path renamed", "GET /api/v1/market: api path removed", edited("  /api/v1/market:", "  /api/v1/markets:")),
		documented("a query parameter made required", "GET /api/v1/product: the `query` request parameter `search` became required",
			edited("          description: Lists only products whose name", "          required: true\n          description: Lists only products whose name")),
		documented("a field of an answer made nullable", "GET /api/v1/market: the response property `items/iso_code` became nullable",
			after("The ISO 3166-1 alpha-2 code.", "type: string", "nullable: true\n          type: string")),
		documented("an optional field of a fault dropped", "GET /api/v1/product: removed the optional property `errors` from the response with the `422` status",
			edited("        errors:\n          description: All faults of the input.\n          type: array\n"+
				"          items: { $ref: '#/components/schemas/Fault' }\n", "")),
		documented("a response header dropped", "GET /api/v1/product/{id}: the mandatory response header `ETag` removed for the status `200`",
			after("description: The product.", "            ETag: { $ref: '#/components/headers/ETag' }\n", "")),
		documented("an optional response header dropped", "GET /api/v1/catalog: the optional response header `Link` removed for the status `200`",
			after("operationId: listCatalog\n", "            Link: { $ref: '#/components/headers/Link' }\n", "")),
	}
}
