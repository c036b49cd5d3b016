// Command sums answers each request with the xxHash of its path and its page.
package main

import (
	_ "embed"
	"fmt"
	"log"
	"net/http"

	"github.com/cespare/xxhash/v2"

	"example.com/sums/internal/greeting"
)

//go:embed page.txt
var page string

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %x %s", greeting.Text, xxhash.Sum64String(r.URL.Path), page)
	})
	log.Fatal(http.ListenAndServe(":8081", nil))
}
