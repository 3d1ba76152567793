package topics_test

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/monsplit/monsplit/internal/messaging/broker"
	"github.com/monsplit/monsplit/internal/messaging/event"
	"github.com/monsplit/monsplit/internal/messaging/topics"
)

// creatingBroker takes the place of a *broker.Client.
type creatingBroker struct{}

func (creatingBroker) EnsureTopic(_ context.Context, spec broker.TopicSpec) error {
	fmt.Printf("%s exists with %d partitions\n", spec.Name, spec.Partitions)
	return nil
}

func (creatingBroker) CheckTopic(context.Context, broker.TopicSpec) error { return nil }

// A publisher waits until the service's topic exists.
func Example() {
	gate := topics.NewGate(creatingBroker{}, slog.New(slog.DiscardHandler),
		broker.TopicSpec{Name: "shop.order.v1", Partitions: event.Partitions})
	fmt.Println("closed:", gate.Problem())

	ctx, stop := context.WithCancel(context.Background())
	published := make(chan struct{})
	go func() {
		publish := func(context.Context) error { // for example Run of an outbox.Relay
			fmt.Println("publishing")
			close(published)
			return nil
		}
		_ = gate.Behind(publish)(ctx)
	}()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = gate.Run(ctx)
	}()
	<-published
	stop()
	<-stopped
	// Output:
	// closed: the topics are not checked yet
	// shop.order.v1 exists with 12 partitions
	// publishing
}
