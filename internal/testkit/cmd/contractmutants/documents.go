package main

// These are the documents of the owners.
const (
	monolithEvents = "asyncapi/monolith.yaml"
	catalogEvents  = "asyncapi/catalog.yaml"
	monolithAPI    = "api/monolith/openapi.yaml"
	catalogAPI     = "api/catalog/openapi.yaml"
)

// documented returns a mutation of a document, and so of a promise of an owner.
func documented(what, reason string, edits ...edit) mutation {
	return mutation{what, contractsCheck(), reason, edits}
}

// These are parts of the schema of a product in the document of the events.
const (
	// This is only the beginning of the list, so that a new field needs no change here.
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
		documented("a field of an event is renamed", updated+"removed the required property `data/name`",
			edited(productRequired, "required: [product_uuid, title, product_category, discontinued, "),
			edited(productName, "        title:"+productName[len("        name:"):])),
		documented("a field of an event is removed", updated+"removed the required property `data/discontinued`",
			edited(productRequired, "required: [product_uuid, name, product_category, "),
			edited("        discontinued:\n          description: Whether the product is no longer made.\n          type: boolean\n", "")),
		documented("a field of an event gets another type", "`data/discontinued`'s property `type` changed from `boolean` to `string`",
			after("Whether the product is no longer made.", "type: boolean", "type: string")),
		documented("a field of an event gets another format", "`data/updated_at`'s property `format` changed from `date-time` to `date`",
			after("The time of the last change", "format: date-time", "format: date")),
		documented("a required field of an event becomes optional", updated+"the property `data/name` became optional",
			edited(productRequired, "required: [product_uuid, product_category, discontinued, ")),
		documented("a field of an event becomes nullable", updated+"the property `data/name` became nullable",
			after("unique within its category.", "type: string", "type: [string, 'null']")),
		documented("a field of an event that the monolith uses is removed", "monsplit.catalog-entry.updated.v1: removed the required property `data/market`",
			edit{file: catalogEvents, old: "[id, product, market, availability_date,", mutated: "[id, product, availability_date,"},
			edit{file: catalogEvents, old: "        market:\n          description: The market's ISO 3166-1 alpha-2 code.\n          type: string\n" +
				"          pattern: '^[A-Z]{2}$'\n          examples: [NL]\n"}),
		documented("the topic is renamed", "monsplit.product.v1: the topic is now monsplit.products.v1",
			edited("    address: monsplit.product.v1", "    address: monsplit.products.v1")),
		documented("the topic gets more partitions", "the number of partitions changed from 12 to 24", after("    address: monsplit.product.v1", "partitions: 12", "partitions: 24")),
		documented("the topic gets another cleanup policy", "monsplit.product.v1: cleanup.policy changed from compact to delete",
			after("    address: monsplit.product.v1", "cleanup.policy: [compact]", "cleanup.policy: [delete]")),
		documented("the Kafka key gets another type", created+`the Kafka key changed from {"format":"uuid","type":"string"} to {"type":"integer"}`,
			after("      payload: { $ref: '#/components/schemas/ProductCreatedEvent' }", "key: { type: string, format: uuid }", "key: { type: integer }")),
		documented("an event gets another content type", created+"the content type changed from application/cloudevents+json to application/json",
			after("summary: A product was created.", "application/cloudevents+json", "application/json")),
		documented("a CloudEvents attribute is removed", updated+"removed the required property `time`",
			edited("type, subject, time, datacontenttype", "type, subject, datacontenttype"),
			edited("        time:\n          description: The time of the change in UTC, with at most six decimals of a second.\n          type: string\n"+
				"          format: date-time\n          pattern: 'Z$'\n          examples: ['2026-03-01T09:30:00.123456Z']\n", "")),
		documented("an optional header of an event is removed", updated+"removed the optional property `header traceparent`",
			edited("        traceparent:\n          description: The W3C trace context of the change, if the change was traced.\n          type: string\n"+
				"          pattern: '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$'\n", "")),
		documented("the type of an event is renamed", created+"the event is no longer sent to monsplit.product.v1",
			edited("const: monsplit.product.created.v1", "const: monsplit.product.made.v1")),
		documented("the version becomes a string", updated+"the `aggregateversion`'s property `type/format` changed from `integer/int64` to `string`",
			edited("          type: integer\n          format: int64\n          minimum: 1\n          maximum: 2147483647\n          x-go-name: AggregateVersion\n          examples: [1]",
				"          type: string\n          x-go-name: AggregateVersion\n          examples: ['1']")),
	}
}

// apiDocumentMutations change what an owner promises about its HTTP API.
func apiDocumentMutations() []mutation {
	edited := func(old, mutated string) edit { return edit{file: monolithAPI, old: old, mutated: mutated} }
	after := func(place, old, mutated string) edit { return edit{monolithAPI, place, old, mutated} }
	return []mutation{
		documented("a value of an enum is removed", "removed the enum value `-name` from the `query` request parameter `sort`",
			edited("enum: [id, -id, name, -name, product_category,", "enum: [id, -id, name, product_category,")),
		documented("the status of a success changes", "POST /api/v1/product: removed the success response with the status `201`",
			after("operationId: createProduct", "'201':", "'200':")),
		documented("the status of an error changes", "GET /api/v1/product/{id}: removed the non-success response with the status `404`",
			after("operationId: getProduct", "'404':", "'410':")),
		documented("the status of an error is removed", "GET /catalog/api/v1: removed the non-success response with the status `422`",
			edit{catalogAPI, "operationId: listEntries", "        '422': { $ref: '#/components/responses/InvalidQuery' }\n", ""}),
		documented("a path is renamed", "GET /api/v1/market: API path removed", edited("  /api/v1/market:", "  /api/v1/markets:")),
		documented("a query parameter becomes required", "GET /api/v1/product: the `query` request parameter `search` became required",
			edited("          description: Lists only products whose name", "          required: true\n          description: Lists only products whose name")),
		documented("a field of an answer becomes nullable", "GET /api/v1/market: the response property `items/iso_code` became nullable",
			after("The ISO 3166-1 alpha-2 code.", "type: string", "nullable: true\n          type: string")),
		documented("an optional field of an error is removed", "GET /api/v1/product: removed the optional property `errors` from the response with the `422` status",
			edited("        errors:\n          description: The faults of the input, at most 50. If there are more, `detail` says how many are not listed.\n"+
				"          type: array\n          maxItems: 50\n          items: { $ref: '#/components/schemas/Fault' }\n", "")),
		documented("a response header is removed", "GET /api/v1/product/{id}: the mandatory response header `ETag` removed for the status `200`",
			after("description: The product.", "            ETag: { $ref: '#/components/headers/ETag' }\n", "")),
		documented("an optional response header is removed", "GET /api/v1/catalog: the optional response header `Link` removed for the status `200`",
			after("operationId: listCatalog\n", "            Link: { $ref: '#/components/headers/Link' }\n", "")),
	}
}
