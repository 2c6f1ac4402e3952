//go:build tools

// Package tools pins the second S3 server of the tests; it is never shipped with Lifeboat.
package tools

import _ "github.com/minio/minio"
