package catalogclient_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/runtime/types"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/catalogclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
)

func Example() {
	url, ctx, stop := service()
	defer stop()

	client, err := catalogclient.New(url, apiclient.WithTimeout(5*time.Second))
	if err != nil {
		log.Fatal(err)
	}
	market, err := client.GetMarketWithResponse(ctx, "NL", nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(market.JSON200.Name, market.Headers200.ETag)
	// Output: Netherlands "2"
}

func ExampleClient_AllEntries() {
	url, ctx, stop := service()
	defer stop()
	client, err := catalogclient.New(url)
	if err != nil {
		log.Fatal(err)
	}

	day := types.Date{Time: time.Date(2026, time.May, 1, 0, 0, 0, 0, time.UTC)}
	for entry, err := range client.AllEntries(ctx, catalogclient.ListEntriesParams{Market: new("NL"), AvailableOn: &day}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(entry.Product)
	}
	// Output:
	// 0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35
	// 0198c0de-6e31-7b22-9d40-3cab55e8f721
}

// A product is created in the monolith, and read from the copy of the catalog service.
func ExampleClient_GetProductWithResponse() {
	url, ctx, stop := service()
	defer stop()
	monolith, err := monolithclient.New(url)
	if err != nil {
		log.Fatal(err)
	}
	catalog, err := catalogclient.New(url)
	if err != nil {
		log.Fatal(err)
	}

	created, err := monolith.CreateProductWithResponse(ctx, nil, monolithclient.ProductInput{Name: "Oak desk", ProductCategory: "Desks"})
	if err != nil {
		log.Fatal(err)
	}
	_, version := apiclient.Written(created.HTTPResponse)
	read, err := catalog.GetProductWithResponse(ctx, created.JSON201.ProductUUID, nil, apiclient.AtLeast(version, 5*time.Second))
	switch {
	case apiclient.IsProblem(err, apiclient.NotYet):
		fmt.Println("the product has not arrived yet: try again later")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println(read.JSON200.Name, read.JSON200.Version)
	}
	// Output: Oak desk 1
}

// service is a server with the parts of both services that the examples need.
func service() (url string, ctx context.Context, stop func()) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /catalog/api/v1/markets/NL", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"2"`)
		write(w, catalogclient.Market{ISOCode: "NL", Name: "Netherlands", Version: 2})
	})
	mux.HandleFunc("GET /catalog/api/v1", func(w http.ResponseWriter, r *http.Request) {
		pages := map[string]string{"": "0198c0de-3b1c-7c4e-9a52-6d1f0e8b7a35", "more": "0198c0de-6e31-7b22-9d40-3cab55e8f721"}
		product := uuid.MustParse(pages[r.FormValue("cursor")])
		if r.FormValue("cursor") == "" && r.FormValue("market") == "NL" && r.FormValue("available_on") == "2026-05-01" {
			w.Header().Set("Link", `</catalog/api/v1?market=NL&available_on=2026-05-01&limit=200&cursor=more>; rel="next"`)
		}
		write(w, []catalogclient.Entry{{Product: product, Market: "NL"}})
	})
	desk := uuid.MustParse("0198c0de-6e31-7b22-9d40-3cab55e8f721")
	mux.HandleFunc("POST /api/v1/product", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Aggregate-Id", desk.String())
		w.Header().Set("Aggregate-Version", "1")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		write(w, monolithclient.Product{ProductUUID: desk, Name: "Oak desk", Version: 1})
	})
	mux.HandleFunc("GET /catalog/api/v1/products/{id}", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("min_version") != "1" || r.Header.Get("Prefer") != "wait=5" {
			panic("the client does not ask for its version")
		}
		write(w, catalogclient.Product{ProductUUID: desk, Name: "Oak desk", Version: 1})
	})
	server := httptest.NewServer(mux)
	return server.URL, context.Background(), server.Close
}

func write(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err)
	}
}
