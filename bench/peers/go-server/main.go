// The least that a credential server in Go can be: one document, one header to check, net/http.
package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	document, err := os.ReadFile(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/v1/credentials", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != os.Args[3] {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Write(document)
	})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
