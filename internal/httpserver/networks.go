package httpserver

import (
	"fmt"
	"net/netip"
	"strings"
)

// Networks are IP networks in CIDR notation (RFC 4632). A single address is a network of its own.
type Networks []netip.Prefix

// String returns the networks in the form that UnmarshalText reads.
func (n Networks) String() string {
	texts := make([]string, len(n))
	for i, network := range n {
		texts[i] = network.String()
	}
	return strings.Join(texts, ",")
}

// UnmarshalText reads addresses and networks that are separated by commas.
func (n *Networks) UnmarshalText(text []byte) error {
	var list Networks
	for part := range strings.SplitSeq(string(text), ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		network, err := parseNetwork(part)
		if err != nil {
			return fmt.Errorf("%q is neither an address nor a network like 10.0.0.0/8", part)
		}
		list = append(list, network)
	}
	*n = list
	return nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		network, err := netip.ParsePrefix(text)
		return network.Masked(), err
	}
	address, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, err
	}
	return address.Prefix(address.BitLen())
}
