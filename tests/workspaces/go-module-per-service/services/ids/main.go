// Command ids answers each request with a new UUID.
package main

import (
	"fmt"
	"log"
	"net/http"

	"github.com/google/uuid"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, uuid.NewString())
	})
	log.Fatal(http.ListenAndServe(":8081", nil))
}
