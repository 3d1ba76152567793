package embeddedbroker_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/monsplit/monsplit/internal/messaging/embeddedbroker"
)

// A broker with a data folder keeps its topics, and its address, when it is stopped and started again.
func Example() {
	dir, err := os.MkdirTemp("", "embeddedbroker-")
	if err != nil {
		log.Panic(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()
	b, err := embeddedbroker.Start(ctx, embeddedbroker.Options{DataDir: dir})
	if err != nil {
		log.Panic(err)
	}
	address := b.Addr() // for the clients
	if err := b.Cluster().CreateTopic("hats", 12, nil); err != nil {
		log.Panic(err)
	}

	if err := b.Stop(ctx); err != nil {
		log.Panic(err)
	}
	if err := b.Restart(); err != nil {
		log.Panic(err)
	}
	fmt.Println("same address:", b.Addr() == address)
	fmt.Println("topic kept:", b.Cluster().TopicInfo("hats") != nil)
	if err := b.Stop(ctx); err != nil {
		log.Panic(err)
	}
	// Output:
	// same address: true
	// topic kept: true
}
