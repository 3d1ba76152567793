package monolithclient_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
)

func Example() {
	url, ctx, stop := service()
	defer stop()

	client, err := monolithclient.New(url, apiclient.WithTimeout(5*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	answer, err := client.GetProductWithResponse(ctx, 17, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer.JSON200.Name, answer.JSON200.Version)
	// Output: Rocking chair 3
}

func ExampleClient_problems() {
	client, ctx, stop := connected()
	defer stop()

	_, err := client.GetProductWithResponse(ctx, 404, nil)
	if apiclient.IsProblem(err, apiclient.NotFound) {
		fmt.Println("the product does not exist")
	}
	_, err = client.CreateProductWithResponse(ctx, nil, monolithclient.ProductInput{Name: " ", ProductCategory: "Desks"})
	if problem, ok := errors.AsType[*apiclient.Problem](err); ok {
		fmt.Println(problem.Status, problem.Name())
		for _, fault := range problem.Errors {
			fmt.Println(fault.Pointer, fault.Detail)
		}
	}
	// Output:
	// the product does not exist
	// 422 invalid
	// /name must not be blank
}

func ExampleClient_AllProducts() {
	client, ctx, stop := connected()
	defer stop()

	for product, err := range client.AllProducts(ctx, monolithclient.ListProductsParams{Search: new("chair")}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(product.Name)
	}
	// Output:
	// Rocking chair
	// Office chair
	// High chair
}

func ExampleClient_PatchProduct() {
	client, ctx, stop := connected()
	defer stop()

	read, err := client.GetProductWithResponse(ctx, 17, nil)
	if err != nil {
		log.Fatal(err)
	}
	patch := monolithclient.ProductPatch{Discontinued: new(true)}
	patched, err := client.PatchProduct(ctx, 17, patch, apiclient.IfMatch(read.Headers200.ETag))
	switch {
	case apiclient.IsProblem(err, apiclient.Stale):
		fmt.Println("another client changed it first: read again and decide again")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println("discontinued:", patched.JSON200.Discontinued, patched.Headers200.ETag)
	}

	again, err := client.GetProductWithResponse(ctx, 17, nil, apiclient.IfNoneMatch(patched.Headers200.ETag))
	if err == nil && again.StatusCode() == http.StatusNotModified {
		fmt.Println("and nothing has changed since")
	}
	// Output:
	// discontinued: true "4"
	// and nothing has changed since
}

// The first answer is lost. The product is created nevertheless, and only once.
func ExampleClient_CreateProductWithResponse() {
	client, ctx, stop := connected()
	defer stop()

	// Create the key once and store it, for example in a table. With a new key, the second attempt would create a second product.
	order := struct {
		Key   string
		Input monolithclient.ProductInput
	}{apiclient.NewIdempotencyKey(), monolithclient.ProductInput{Name: "Standing desk", ProductCategory: "Desks"}}

	for attempt := range 5 {
		created, err := client.CreateProductWithResponse(ctx, nil, order.Input, apiclient.IdempotencyKey(order.Key))
		if problem, ok := errors.AsType[*apiclient.Problem](err); ok && problem.RetryAfter == 0 {
			log.Fatal(err) // refused, and a later try will not help
		}
		if err == nil {
			fmt.Println("created:", created.JSON201.ID, "by attempt", attempt+1)
			break
		}
		// Wait here: problem.RetryAfter, or longer each time. It is unknown whether the product has been created.
	}
	// Output: created: 18 by attempt 2
}

// The owner of the catalog is slow. So the outcome is not known at first, and is waited for.
func ExampleClient_AwaitCatalogChange() {
	client, ctx, stop := connected()
	defer stop()

	offer := monolithclient.LegacyEntryInput{Product: 17, Market: 3}
	for range 2 { // the second entry for the same product and market is refused
		created, err := client.CreateCatalogWithResponse(ctx, nil, offer, apiclient.IdempotencyKey(apiclient.NewIdempotencyKey()))
		if err == nil && created.JSON202 != nil { // the owner has not decided yet
			waiting, cancel := context.WithTimeout(ctx, time.Minute)
			_, err = client.AwaitCatalogChange(waiting, created.Headers202.Location)
			cancel()
		}
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			fmt.Println("still pending: it is carried out later, so store the Location")
		case apiclient.IsProblem(err, apiclient.EntryExists):
			fmt.Println("the product already has an entry in this market")
		case err != nil:
			log.Fatal(err)
		default:
			fmt.Println("created")
		}
	}
	// Output:
	// created
	// the product already has an entry in this market
}

// connected returns a client of a service that has some chairs.
func connected() (*monolithclient.Client, context.Context, func()) {
	url, ctx, stop := service()
	client, err := monolithclient.New(url)
	if err != nil {
		log.Fatal(err)
	}
	return client, ctx, stop
}
