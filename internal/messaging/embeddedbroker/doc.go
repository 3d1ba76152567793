// Package embeddedbroker runs a broker that speaks Kafka's protocol inside the process, for the demo and for tests. It alone
// knows franz-go's kfake, and what kfake lacks for that use.
//
//	Start ──► running ──Stop──► stopped     It keeps its address. With a DataDir it keeps its records too.
//	             ▲                 │
//	             └─────Restart─────┘
//
// It is a test broker, not Kafka. One goroutine serves all requests, so no figure measured on it says anything about Kafka.
// It fences producers in another way (internal/messaging/broker/differences_test.go), so fencing is tested on a real Kafka,
// with "make test-kafka". And kfake never removes a consumer that was killed while it joined its group; this package does
// (memberReaper).
//
// Tests use it through internal/testkit/kafkatest, which can also make it lose responses, hang or seem away.
package embeddedbroker
