package postgres

import "github.com/monsplit/monsplit/internal/admission"

// Shares divide the connections of an instance, so that no part of the service can use up those of another one.
type Shares struct {
	Reads, Lists, Writes int32 // for requests of each class
	Direct               int32 // for the consumer, the relay and the other parts
	Transactions         int   // how many transactions the consumer may run at the same time, of Direct
}

const (
	// besideConsumer is the number of direct connections that the consumer leaves to the other parts: maintenance, looks for
	// requests that wait, and the deletion of what is old. Each is short.
	besideConsumer = 3
	// mostTransactions is how many transactions of the consumer are of use at the same time.
	mostTransactions = 8
)

// Shares returns how the connections are divided. With a pooler, DATABASE_MAX_CONNS counts for requests alone.
func (s Settings) Shares() Shares {
	all := orDefault(s.MaxConns, 16)
	if s.DirectURL != "" {
		transactions := min(mostTransactions, all/2)
		return divide(all, Shares{Direct: transactions + 2*besideConsumer, Transactions: int(transactions)})
	}
	direct := min(mostTransactions+besideConsumer, max(3, all*7/16))
	return divide(all-direct, Shares{Direct: direct, Transactions: int(max(2, direct-besideConsumer))})
}

// divide adds the shares of the classes to those of the other parts.
func divide(requests int32, s Shares) Shares {
	s.Lists = max(1, requests/4)
	s.Reads = max(1, requests/3)
	s.Writes = max(1, requests-s.Lists-s.Reads)
	return s
}

func (s Shares) classes() map[admission.Class]int32 {
	return map[admission.Class]int32{admission.Read: s.Reads, admission.List: s.Lists, admission.Write: s.Writes}
}

// Entities returns how many changes of one entity may hold connections at the same time: at most half of those for changes. The
// others wait as long as for a connection.
func (s Settings) Entities() admission.Entities {
	return admission.Entities{Running: int(max(1, s.Shares().Writes/2)), Wait: s.connectionWait()}
}
