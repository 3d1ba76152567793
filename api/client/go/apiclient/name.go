package apiclient

// The names of the services' problems, as docs/problems.md explains them.
const (
	Malformed            = "malformed"
	NotFound             = "not-found"
	MethodNotAllowed     = "method-not-allowed"
	NotAcceptable        = "not-acceptable"
	ProductExists        = "product-exists"
	MarketExists         = "market-exists"
	EntryExists          = "entry-exists"
	MarketInUse          = "market-in-use"
	NotTheOwner          = "not-the-owner"
	InProgress           = "in-progress"
	Stale                = "stale"
	TooLarge             = "too-large"
	UnsupportedMediaType = "unsupported-media-type"
	Invalid              = "invalid"
	UnknownReference     = "unknown-reference"
	IdempotencyKeyReused = "idempotency-key-reused"
	Unavailable          = "unavailable"
	Internal             = "internal"
)
