package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"

	"github.com/openpcc/ohttp"
)

const maxInner = 10 << 20

// A gateway of the manner of NEAR's inference-proxy: its paths, its bare key
// configuration, its errors, and the outer Bearer as the API key of the inner
// request.
type nearGateway struct {
	keys    []byte
	sealed  http.Handler
	off     bool
	capture *capture
}

// What arrived, one JSON line per request, written before its answer.
type capture struct {
	mutex sync.Mutex
	file  *os.File
}

func gateway(args []string) error {
	flags := flag.NewFlagSet("gateway", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address and port")
	kem := flags.String("kem", "x25519", "kind of key")
	keyID := flags.Uint("key-id", 1, "of the key")
	keysOut := flags.String("keys-out", "", "write the bare key configuration")
	file := flags.String("capture", "", "append what arrives")
	token := flags.String("token", "t", "the API key that the application asks for")
	off := flags.Bool("off", false, "OHTTP is not enabled")

	if err := flags.Parse(args); err != nil {
		return err
	}

	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil)))

	public, secret, err := kems[*kem].Scheme().GenerateKeyPair()
	if err != nil {
		return err
	}

	pair := ohttp.KeyPair{
		SecretKey: secret,
		KeyConfig: ohttp.KeyConfig{
			KeyID: byte(*keyID), KemID: kems[*kem], PublicKey: public, SymmetricAlgorithms: suites(*kem),
		},
	}

	keys, err := pair.KeyConfig.MarshalBinary()
	if err != nil {
		return err
	}

	out, err := os.OpenFile(*file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}

	opener, err := ohttp.NewGateway(pair, ohttp.WithErrorHandler(nearErrors{}),
		ohttp.WithRequestValidator(ohttp.NewHostnameAllowlist("model.internal", "enclave.internal")))
	if err != nil {
		return err
	}

	g := &nearGateway{keys: keys, off: *off, capture: &capture{file: out}}
	g.sealed = ohttp.Middleware(opener, model{token: *token, capture: g.capture})

	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}

	if *keysOut != "" {
		if err := os.WriteFile(*keysOut, keys, 0o644); err != nil {
			return err
		}
	}

	fmt.Printf("ready %d\n", listener.Addr().(*net.TCPAddr).Port)
	return http.Serve(listener, g)
}

func (c *capture) write(line map[string]any) {
	c.mutex.Lock()
	defer c.mutex.Unlock()

	if err := json.NewEncoder(c.file).Encode(line); err != nil {
		panic(err)
	}
}

func (g *nearGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method == http.MethodGet &&
		(r.URL.Path == "/.well-known/ohttp-gateway" || r.URL.Path == "/v1/ohttp/config"):
		if g.off {
			nearError(w, http.StatusNotFound, "not_found", "OHTTP not enabled")
			return
		}

		w.Header().Set("Content-Type", "application/ohttp-keys")
		w.Write(g.keys)

	case r.Method == http.MethodPost && r.URL.Path == "/ohttp":
		g.post(w, r)

	default:
		http.NotFound(w, r)
	}
}

func (g *nearGateway) post(w http.ResponseWriter, r *http.Request) {
	g.capture.write(map[string]any{
		"outer": r.Header, "host": r.Host, "target": r.RequestURI, "peer": r.RemoteAddr,
		"length": r.ContentLength, "transfer": r.TransferEncoding,
	})

	if g.off {
		nearError(w, http.StatusNotFound, "not_found", "OHTTP not enabled")
		return
	}

	if r.ContentLength == 0 {
		nearError(w, http.StatusBadRequest, "bad_request", "Empty OHTTP request")
		return
	}

	// the answer may begin before the request has ended
	if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
		panic(err)
	}

	g.sealed.ServeHTTP(w, r.WithContext(withBearer(r)))
}

type nearErrors struct{}

func (nearErrors) HandleError(w http.ResponseWriter, headersWritten bool, err error) {
	fmt.Fprintln(os.Stderr, "gateway:", err)

	if headersWritten {
		panic(http.ErrAbortHandler)
	}

	kind := "OHTTP decapsulation failed"
	var failed ohttp.GatewayError
	if errors.As(err, &failed) && failed.Code == ohttp.ErrorCodeInvalidRequest {
		kind = "Invalid Binary HTTP request"
	}

	nearError(w, http.StatusBadRequest, "bad_request", kind+": "+err.Error())
}

func nearError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{
		"message": message, "type": kind, "param": nil, "code": nil,
	}})
}

// The application inside. The outer Bearer replaces what the inner request says.
type model struct {
	token   string
	capture *capture
}

func (m model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	authorization := r.Header.Get("Authorization")
	if outer := bearer(r); outer != "" {
		authorization = outer
	}

	m.capture.write(map[string]any{
		"inner": r.Header, "method": r.Method, "path": r.URL.Path, "authorization": authorization,
	})

	switch {
	case authorization != "Bearer "+m.token:
		nearError(w, http.StatusUnauthorized, "unauthorized", "Invalid API key")
	case r.Method == http.MethodGet && r.URL.Path == "/v1/models":
		answer(w, map[string]any{"object": "list", "data": []any{map[string]any{"id": "m"}}})
	case r.Method == http.MethodPost && r.URL.Path == "/v1/chat/completions":
		chat(w, r)
	case r.Method == http.MethodPost && r.URL.Path == "/v1/echo":
		echo(w, r)
	default:
		nearError(w, http.StatusNotFound, "not_found", "no such endpoint")
	}
}

func answer(w http.ResponseWriter, value any) {
	body, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}

	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.Write(body)
}

func chat(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Stream   bool `json:"stream"`
		Messages []struct {
			Content string `json:"content"`
		} `json:"messages"`
	}

	err := json.NewDecoder(io.LimitReader(r.Body, maxInner)).Decode(&asked)
	if err != nil || len(asked.Messages) == 0 {
		nearError(w, http.StatusBadRequest, "bad_request", "not a chat request")
		return
	}

	text := "You asked: " + asked.Messages[len(asked.Messages)-1].Content

	if !asked.Stream {
		answer(w, map[string]any{"id": "chat-1", "choices": []any{map[string]any{
			"index": 0, "finish_reason": "stop",
			"message": map[string]any{"role": "assistant", "content": text},
		}}})
		return
	}

	w.Header().Set("Content-Type", "text/event-stream")

	for _, word := range strings.SplitAfter(text, " ") {
		event, err := json.Marshal(map[string]any{"id": "chat-1", "choices": []any{map[string]any{
			"index": 0, "delta": map[string]any{"content": word},
		}}})
		if err != nil {
			panic(err)
		}

		fmt.Fprintf(w, "data: %s\n\n", event)
		w.(http.Flusher).Flush()
	}

	fmt.Fprint(w, "data: [DONE]\n\n")
}

// Answers each piece when it comes, and the end with a farewell.

func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.(http.Flusher).Flush()

	piece := make([]byte, 1<<14)

	for {
		n, err := r.Body.Read(piece)
		if n > 0 {
			fmt.Fprintf(w, "echo %s", piece[:n])
			w.(http.Flusher).Flush()
		}

		if err == io.EOF {
			fmt.Fprint(w, "farewell")
			return
		}

		if err != nil {
			fmt.Fprintln(os.Stderr, "gateway: reading:", err)
			panic(http.ErrAbortHandler)
		}
	}
}
