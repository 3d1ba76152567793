package monolithclient_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"

	"github.com/monsplit/monsplit/api/client/go/apiclient"
	"github.com/monsplit/monsplit/api/client/go/monolithclient"
)

// service is a server with the part of the monolith that the examples need.
func service() (url string, ctx context.Context, stop func()) {
	chair := monolithclient.Product{ID: 17, Name: "Rocking chair", ProductCategory: "Chairs", Version: 3}
	etag := func() string { return apiclient.ETag(chair.Version) }
	created := map[string]monolithclient.Product{} // by idempotency key
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/product", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("search") != "chair" {
			refuse(w, http.StatusUnprocessableEntity, apiclient.Invalid)
			return
		}
		pages := map[string][]monolithclient.Product{"": {chair, {Name: "Office chair"}}, "more": {{Name: "High chair"}}}
		if r.FormValue("cursor") == "" {
			w.Header().Set("Link", `</api/v1/product?search=chair&limit=200&cursor=more>; rel="next"`)
		}
		write(w, http.StatusOK, pages[r.FormValue("cursor")])
	})
	mux.HandleFunc("GET /api/v1/product/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", etag())
		switch {
		case r.PathValue("id") != "17":
			refuse(w, http.StatusNotFound, apiclient.NotFound)
		case r.Header.Get("If-None-Match") == etag():
			w.WriteHeader(http.StatusNotModified)
		default:
			write(w, http.StatusOK, chair)
		}
	})
	mux.HandleFunc("PATCH /api/v1/product/17", func(w http.ResponseWriter, r *http.Request) {
		if cmp.Or(r.Header.Get("If-Match"), etag()) != etag() {
			refuse(w, http.StatusPreconditionFailed, apiclient.Stale)
			return
		}
		if err := json.NewDecoder(r.Body).Decode(&chair); err != nil {
			panic(err)
		}
		chair.Version++
		w.Header().Set("ETag", etag())
		write(w, http.StatusOK, chair)
	})
	mux.HandleFunc("POST /api/v1/product", func(w http.ResponseWriter, r *http.Request) {
		var input monolithclient.ProductInput
		if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
			panic(err)
		}
		key := r.Header.Get("Idempotency-Key")
		switch first, repeated := created[key]; {
		case input.Name == " ":
			refuse(w, http.StatusUnprocessableEntity, apiclient.Invalid, apiclient.Fault{Pointer: "/name", Detail: "must not be blank"})
		case repeated:
			write(w, http.StatusCreated, first)
		default:
			created[key] = monolithclient.Product{ID: 18 + int64(len(created)), Name: input.Name, ProductCategory: input.ProductCategory, Version: 1}
			panic(http.ErrAbortHandler) // the answer is lost
		}
	})
	catalogChanges(mux)
	server := httptest.NewServer(mux)
	return server.URL, context.Background(), server.Close
}

// catalogChanges adds the changes of a catalog whose owner is slow: the second look at a change shows that it is finished. A
// product has at most one entry.
func catalogChanges(mux *http.ServeMux) {
	var taken []int64
	var looks int
	var change monolithclient.CatalogChange
	mux.HandleFunc("POST /api/v1/catalog", func(w http.ResponseWriter, r *http.Request) {
		var input monolithclient.LegacyEntryInput
		if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
			panic(err)
		}
		looks = 0
		change = monolithclient.CatalogChange{ID: [16]byte{1, byte(len(taken))}, State: monolithclient.CatalogChangeStateDone,
			Wanted: monolithclient.LegacyEntry{ID: 5, Product: input.Product, Market: input.Market}, Catalog: 5}
		if slices.Contains(taken, input.Product) {
			change.State = monolithclient.CatalogChangeStateRefused
			change.Problem = &monolithclient.Problem{Type: "https://monsplit.github.io/problems/entry-exists", Title: "Conflict", Status: 409,
				Detail: new("There is already an entry."), Errors: []monolithclient.Fault{{Pointer: "/market", Detail: "is taken"}}}
		}
		taken = append(taken, input.Product)
		w.Header().Set("Location", "/api/v1/catalog-change/"+change.ID.String())
		w.Header().Set("Retry-After", "1")
		write(w, http.StatusAccepted, change.Wanted)
	})
	mux.HandleFunc("GET /api/v1/catalog-change/{id}", func(w http.ResponseWriter, r *http.Request) {
		now := change
		if looks++; looks < 2 {
			now.State, now.Problem = monolithclient.CatalogChangeStatePending, nil
			w.Header().Set("Retry-After", "1")
		}
		if r.PathValue("id") != change.ID.String() {
			refuse(w, http.StatusNotFound, apiclient.NotFound)
			return
		}
		write(w, http.StatusOK, now)
	})
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		panic(err)
	}
}

func refuse(w http.ResponseWriter, status int, name string, faults ...apiclient.Fault) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	problem := apiclient.Problem{Type: fmt.Sprint("https://monsplit.github.io/problems/", name), Title: http.StatusText(status), Status: status, Errors: faults}
	if err := json.NewEncoder(w).Encode(problem); err != nil {
		panic(err)
	}
}
