package kafkatest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// proxy is between clients and a cluster. It understands enough of the protocol to replace each broker's address in what
// clients learn, and to fail requests in ways that no broker offers.
type proxy struct {
	mu       sync.Mutex
	closed   bool
	away     bool
	resume   chan struct{} // closed unless paused
	nodes    map[string]*node
	sessions map[*session]struct{}
	faults   faults
	wg       sync.WaitGroup
}

func newProxy() *proxy {
	resume := make(chan struct{})
	close(resume)
	return &proxy{resume: resume, nodes: map[string]*node{}, sessions: map[*session]struct{}{}}
}

// serve starts a session, unless the cluster must look stopped. Then the port stays open, and connections end at once.
func (p *proxy) serve(n *node, client net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away || p.closed {
		return false
	}
	s := &session{proxy: p, node: n, client: client, pending: map[int32]exchange{}, done: make(chan struct{})}
	p.sessions[s] = struct{}{}
	p.wg.Go(func() {
		s.run(n.upstream)
		p.mu.Lock()
		delete(p.sessions, s)
		p.mu.Unlock()
	})
	return true
}

func (p *proxy) setAway(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.away = away; away {
		p.cut()
	}
}

// cut ends every connection. The caller holds the lock.
func (p *proxy) cut() {
	for s := range p.sessions {
		s.end()
	}
}

func (p *proxy) setPaused(paused bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.resume:
		if paused {
			p.resume = make(chan struct{})
		}
	default:
		if !paused {
			close(p.resume)
		}
	}
}

func (p *proxy) close() {
	p.mu.Lock()
	p.closed = true
	for _, n := range p.nodes {
		n.listener.Close()
	}
	p.cut()
	p.mu.Unlock()
	p.wg.Wait()
}

// flow waits while the proxy is paused.
func (s *session) flow() error {
	s.proxy.mu.Lock()
	resume := s.proxy.resume
	s.proxy.mu.Unlock()
	select {
	case <-resume:
		return nil
	case <-s.done:
		return net.ErrClosed
	}
}

// exchange is a request that waits for its answer.
type exchange struct {
	key, version int16
	refused      []refusal
	loseAnswer   bool
}

// session is one connection of a client.
type session struct {
	proxy  *proxy
	node   *node
	client net.Conn
	once   sync.Once
	done   chan struct{}

	mu       sync.Mutex
	upstream net.Conn
	pending  map[int32]exchange
}

func (s *session) end() {
	s.once.Do(func() {
		close(s.done)
		s.client.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.upstream != nil {
			s.upstream.Close()
		}
	})
}

func (s *session) run(upstream string) {
	defer s.end()
	conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", upstream)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.upstream = conn
	s.mu.Unlock()
	select {
	case <-s.done: // the session has ended in the meantime
		conn.Close()
		return
	default:
	}
	var answers sync.WaitGroup
	answers.Go(func() {
		defer s.end()
		for s.passAnswer(conn) == nil {
		}
	})
	for s.passRequest(conn) == nil {
	}
	s.end()
	answers.Wait()
}

func readFrame(r io.Reader) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(r, size[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(size[:]))
	_, err := io.ReadFull(r, frame)
	return frame, err
}

func writeFrame(w io.Writer, frame []byte) error {
	_, err := w.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...))
	return err
}

func (s *session) passRequest(upstream net.Conn) error {
	frame, err := readFrame(s.client)
	if err != nil {
		return err
	}
	if err := s.flow(); err != nil {
		return err
	}
	if len(frame) < 10 {
		return errors.New("a request without a header")
	}
	x := exchange{key: int16(binary.BigEndian.Uint16(frame)), version: int16(binary.BigEndian.Uint16(frame[2:]))}
	correlation := int32(binary.BigEndian.Uint32(frame[4:]))
	if hold := s.proxy.faults.held(API(x.key)); hold != nil {
		select {
		case <-hold:
		case <-s.done:
			return net.ErrClosed
		}
	}
	if s.node.stale {
		if answer, err := refuseStale(x, frame); answer != nil || err != nil {
			return errors.Join(err, s.answer(correlation, answer))
		}
	}
	frame, answer, err := s.proxy.faults.apply(&x, frame)
	if err != nil {
		return err
	}
	if answer != nil { // nothing is left for the broker
		return s.answer(correlation, answer)
	}
	s.mu.Lock()
	s.pending[correlation] = x
	s.mu.Unlock()
	return writeFrame(upstream, frame)
}

func (s *session) answer(correlation int32, body []byte) error {
	return writeFrame(s.client, append(binary.BigEndian.AppendUint32(nil, uint32(correlation)), body...))
}

func (s *session) passAnswer(upstream net.Conn) error {
	frame, err := readFrame(upstream)
	if err != nil {
		return err
	}
	if err := s.flow(); err != nil {
		return err
	}
	if len(frame) < 4 {
		return errors.New("an answer without a header")
	}
	correlation := int32(binary.BigEndian.Uint32(frame))
	s.mu.Lock()
	x, ok := s.pending[correlation]
	delete(s.pending, correlation)
	s.mu.Unlock()
	if !ok {
		return fmt.Errorf("an answer to no request: %d", correlation)
	}
	if x.loseAnswer {
		return errors.New("the answer is lost")
	}
	if frame, err = s.rewrite(x, frame); err != nil {
		return err
	}
	return writeFrame(s.client, s.proxy.faults.damaged(x, frame))
}

// rewrite replaces the brokers' addresses by the proxy's, and adds the answers for the partitions that apply removed.
func (s *session) rewrite(x exchange, frame []byte) ([]byte, error) {
	var response kmsg.Response
	switch API(x.key) {
	case Metadata:
		response = kmsg.NewPtrMetadataResponse()
	case FindCoordinator:
		response = kmsg.NewPtrFindCoordinatorResponse()
	case Produce:
		if len(x.refused) == 0 {
			return frame, nil
		}
		response = kmsg.NewPtrProduceResponse()
	default:
		return frame, nil
	}
	response.SetVersion(x.version)
	head := 4
	if response.IsFlexible() {
		head++ // no tags
	}
	if err := response.ReadFrom(frame[head:]); err != nil {
		return nil, err
	}
	switch r := response.(type) {
	case *kmsg.MetadataResponse:
		if s.node.stale {
			if err := believeStale(r, s.node.listener.Addr()); err != nil {
				return nil, err
			}
			break
		}
		for i := range r.Brokers {
			if err := s.proxy.hide(&r.Brokers[i].Host, &r.Brokers[i].Port); err != nil {
				return nil, err
			}
		}
	case *kmsg.FindCoordinatorResponse:
		if r.Host != "" {
			if err := s.proxy.hide(&r.Host, &r.Port); err != nil {
				return nil, err
			}
		}
		for i := range r.Coordinators {
			if c := &r.Coordinators[i]; c.Host != "" {
				if err := s.proxy.hide(&c.Host, &c.Port); err != nil {
					return nil, err
				}
			}
		}
	case *kmsg.ProduceResponse:
		addRefusals(r, x.refused)
	}
	return response.AppendTo(frame[:head:head]), nil
}
