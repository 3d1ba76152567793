package kafkatest

import (
	"context"
	"fmt"
	"net"
	"strconv"
)

// node is one broker, as clients see it.
type node struct {
	listener net.Listener
	upstream string
	stale    bool // see Broker.StaleAddr
}

// front returns the address under which clients reach the broker at upstream.
func (p *proxy) front(upstream string) (string, error) {
	p.mu.Lock()
	n, ok := p.nodes[upstream]
	p.mu.Unlock()
	if ok {
		return n.listener.Addr().String(), nil
	}
	return p.listen(&node{upstream: upstream})
}

func (p *proxy) listen(n *node) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return "", net.ErrClosed
	}
	key := n.upstream
	if n.stale {
		key += " stale"
	} else if other, ok := p.nodes[key]; ok { // made in the meantime
		return other.listener.Addr().String(), nil
	}
	var err error
	if n.listener, err = new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
		return "", fmt.Errorf("listen in front of %s: %w", n.upstream, err)
	}
	p.nodes[key] = n
	p.wg.Go(func() { p.accept(n) })
	return n.listener.Addr().String(), nil
}

func (p *proxy) accept(n *node) {
	for {
		client, err := n.listener.Accept()
		if err != nil {
			return
		}
		if !p.serve(n, client) {
			client.Close()
		}
	}
}

func (p *proxy) hide(host *string, port *int32) error {
	address, err := p.front(net.JoinHostPort(*host, strconv.Itoa(int(*port))))
	if err != nil {
		return err
	}
	h, n, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	number, err := strconv.Atoi(n)
	*host, *port = h, int32(number)
	return err
}
