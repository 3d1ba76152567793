package apiclient

// The names of the services' problems. docs/problems.md explains them.
const (
	Malformed            = "malformed"
	TokenMissing         = "token-missing"
	TokenInvalid         = "token-invalid"
	ScopeMissing         = "scope-missing"
	CrossOrigin          = "cross-origin"
	NotFound             = "not-found"
	ChangePending        = "change-pending"
	ChangeRefused        = "change-refused"
	MethodNotAllowed     = "method-not-allowed"
	NotAcceptable        = "not-acceptable"
	TooSlow              = "too-slow"
	ProductExists        = "product-exists"
	MarketExists         = "market-exists"
	EntryExists          = "entry-exists"
	MarketInUse          = "market-in-use"
	NotTheOwner          = "not-the-owner"
	ChangeExpired        = "change-expired"
	ChangeDiscarded      = "change-discarded"
	InProgress           = "in-progress"
	Stale                = "stale"
	UnsupportedCondition = "unsupported-condition"
	TooLarge             = "too-large"
	UnsupportedMediaType = "unsupported-media-type"
	UnknownHost          = "unknown-host"
	Invalid              = "invalid"
	UnknownReference     = "unknown-reference"
	IdempotencyKeyReused = "idempotency-key-reused"
	TooManyKeys          = "too-many-keys"
	TooManyRequests      = "too-many-requests"
	NotYet               = "not-yet"
	Unavailable          = "unavailable"
	Overloaded           = "overloaded"
	Locked               = "locked"
	Internal             = "internal"
)

// The names of the problems that only the gateway uses.
const (
	URITooLong     = "uri-too-long"
	HeaderTooLarge = "header-too-large"
	BadGateway     = "bad-gateway"
	GatewayTimeout = "gateway-timeout"
)
