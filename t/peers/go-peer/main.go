// A client and a gateway of Oblivious HTTP over libraries of Go: another
// implementation than the one of ohttp-peer, and net/http on the outside.
package main

import (
	"fmt"
	"os"

	"github.com/cloudflare/circl/hpke"
	"github.com/openpcc/ohttp"
)

func main() {
	var err error

	command := ""
	if len(os.Args) > 1 {
		command = os.Args[1]
	}

	switch command {
	case "gateway":
		err = gateway(os.Args[2:])
	case "client":
		err = client(os.Args[2:])
	default:
		err = fmt.Errorf("the first argument is gateway or client")
	}

	if err != nil {
		fmt.Fprintf(os.Stderr, "go-peer %s: %v\n", command, err)
		os.Exit(1)
	}
}

// What the libraries know, by the names that the command line has for it.

var kems = map[string]hpke.KEM{
	"x25519": hpke.KEM_X25519_HKDF_SHA256,
	"p256":   hpke.KEM_P256_HKDF_SHA256,
	"p384":   hpke.KEM_P384_HKDF_SHA384,
	"p521":   hpke.KEM_P521_HKDF_SHA512,
	"x448":   hpke.KEM_X448_HKDF_SHA512,
	"xwing":  hpke.KEM_XWING,
	"kyber":  hpke.KEM_X25519_KYBER768_DRAFT00,
}

var kdfs = map[string]hpke.KDF{
	"sha256": hpke.KDF_HKDF_SHA256,
	"sha384": hpke.KDF_HKDF_SHA384,
	"sha512": hpke.KDF_HKDF_SHA512,
}

var aeads = map[string]hpke.AEAD{
	"aes128gcm":        hpke.AEAD_AES128GCM,
	"aes256gcm":        hpke.AEAD_AES256GCM,
	"chacha20poly1305": hpke.AEAD_ChaCha20Poly1305,
}

// NEAR's gateways have these two for X25519 and no others.

func suites(kem string) []ohttp.SymmetricAlgorithm {
	list := []ohttp.SymmetricAlgorithm{
		{KDFID: hpke.KDF_HKDF_SHA256, AEADID: hpke.AEAD_AES128GCM},
		{KDFID: hpke.KDF_HKDF_SHA256, AEADID: hpke.AEAD_ChaCha20Poly1305},
	}

	if kem == "x25519" {
		return list
	}

	list = nil
	for _, kdf := range kdfs {
		for _, aead := range aeads {
			list = append(list, ohttp.SymmetricAlgorithm{KDFID: kdf, AEADID: aead})
		}
	}

	return list
}
