package main

import (
	"context"
	"net/http"
	"strings"
)

type bearerKey struct{}

// The outer Authorization, if it is a Bearer; any other is ignored.

func withBearer(r *http.Request) context.Context {
	outer := r.Header.Get("Authorization")
	if !strings.HasPrefix(outer, "Bearer ") {
		outer = ""
	}

	return context.WithValue(r.Context(), bearerKey{}, outer)
}

func bearer(r *http.Request) string {
	outer, _ := r.Context().Value(bearerKey{}).(string)
	return outer
}
