package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/openpcc/ohttp"
)

type fields []string

func (f *fields) String() string         { return strings.Join(*f, ", ") }
func (f *fields) Set(value string) error { *f = append(*f, value); return nil }

// Adds header fields that the relay sees, as an application would with its
// credential.
type outer struct {
	next   http.RoundTripper
	fields fields
}

func (o outer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	put(r.Header, o.fields)

	response, err := o.next.RoundTrip(r)
	if err == nil {
		fmt.Println("outer", response.Proto, response.StatusCode, response.Header.Get("Content-Type"))
	}

	if err == nil && response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16))
		fmt.Println("refusal", quoted(text))
		response.Body = io.NopCloser(bytes.NewReader(text))
	}

	return response, err
}

func put(header http.Header, fields fields) {
	for _, field := range fields {
		name, value, _ := strings.Cut(field, ":")
		header.Set(name, strings.TrimSpace(value))
	}
}

func client(args []string) error {
	var inner, around fields

	flags := flag.NewFlagSet("client", flag.ContinueOnError)
	relay := flags.String("relay", "", "URL of the relay")
	keys := flags.String("keys", "", "URL of the key configurations, bare or a list")
	kdf := flags.String("kdf", "sha256", "of the suite")
	aead := flags.String("aead", "", "of the suite; the first that there is")
	method := flags.String("method", "POST", "of the inner request")
	path := flags.String("path", "/v1/chat/completions", "of the inner request")
	body := flags.String("body", "", "of the inner request")
	interactive := flags.Bool("interactive", false, "each line of input is a piece of the body")
	ca := flags.String("ca", "", "trust this authority")
	bind := flags.String("bind", "", "local address")
	flags.Var(&inner, "header", "of the inner request")
	flags.Var(&around, "outer", "header of the request to the relay")

	if err := flags.Parse(args); err != nil {
		return err
	}

	transport, err := connections(*ca, *bind)
	if err != nil {
		return err
	}

	config, err := fetch(&http.Client{Transport: transport}, *keys)
	if err != nil {
		return err
	}

	if *aead != "" {
		config.SymmetricAlgorithms = []ohttp.SymmetricAlgorithm{{KDFID: kdfs[*kdf], AEADID: aeads[*aead]}}
	}

	outside := &http.Client{Transport: outer{transport, around}}

	sealed, err := ohttp.NewTransport(config, *relay, ohttp.WithHTTPClient(outside))
	if err != nil {
		return err
	}

	request, err := http.NewRequestWithContext(context.Background(), *method,
		"https://model.internal"+*path, content(*interactive, *body))
	if err != nil {
		return err
	}

	put(request.Header, inner)

	send := (&http.Client{Transport: sealed}).Do
	if *interactive {
		send = func(r *http.Request) (*http.Response, error) { return converse(sealed, outside, r) }
	}

	response, err := send(request)
	if err != nil {
		return err
	}

	fmt.Println("inner", response.StatusCode, response.Header.Get("Content-Type"))
	return pieces(response.Body)
}

// The library's RoundTrip closes the body of a request as soon as the head of
// the answer is there.  Its parts leave it open.

func converse(sealed *ohttp.Transport, outside *http.Client, r *http.Request) (*http.Response, error) {
	request, opener, err := sealed.Encapsulate(r)
	if err != nil {
		return nil, err
	}

	response, err := outside.Do(request)
	if err != nil {
		return nil, err
	}

	return opener.Decapsulate(r.Context(), response)
}

func connections(ca, bind string) (*http.Transport, error) {
	dialer := &net.Dialer{}
	if bind != "" {
		dialer.LocalAddr = &net.TCPAddr{IP: net.ParseIP(bind)}
	}

	transport := &http.Transport{DialContext: dialer.DialContext, ForceAttemptHTTP2: true}

	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}

		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(text)
		transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	}

	return transport, nil
}

// Reads the two forms that are published: the list of RFC 9458, or one
// configuration without its length.

func fetch(outside *http.Client, url string) (config ohttp.KeyConfig, err error) {
	response, err := outside.Get(url)
	if err != nil {
		return config, err
	}

	defer response.Body.Close()

	text, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return config, err
	}

	fmt.Println("keys", response.StatusCode, response.Header.Get("Content-Type"), len(text))

	var list ohttp.KeyConfigs
	if list.UnmarshalBinary(text) == nil && len(list) > 0 {
		fmt.Println("form list")
		return list[0], nil
	}

	fmt.Println("form bare")
	return config, config.UnmarshalBinary(text)
}

func content(interactive bool, body string) io.Reader {
	switch {
	case interactive:
		read, write := io.Pipe()

		go func() {
			lines := bufio.NewScanner(os.Stdin)
			for lines.Scan() {
				write.Write(lines.Bytes())
			}

			write.Close()
		}()

		return read

	case body != "":
		return strings.NewReader(body)

	default:
		return nil
	}
}

// Prints what arrives when it arrives. Succeeds when its end was sealed.

func pieces(body io.ReadCloser) error {
	defer body.Close()

	piece := make([]byte, 1<<16)

	for {
		n, err := body.Read(piece)
		if n > 0 {
			fmt.Println("piece", quoted(piece[:n]))
		}

		if errors.Is(err, io.EOF) {
			fmt.Println("end")
			return nil
		}

		if err != nil {
			return err
		}
	}
}

func quoted(text []byte) string {
	line, _ := json.Marshal(string(text))
	return string(line)
}
