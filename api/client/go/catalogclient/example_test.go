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

// service is a server with the part of the catalog service that the examples need.
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
	server := httptest.NewServer(mux)
	return server.URL, context.Background(), server.Close
}

func write(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err)
	}
}
