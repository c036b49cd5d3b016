// Command api prints a greeting.
package main

import (
	"fmt"

	"example.com/words/greeting"
)

func main() { fmt.Println(greeting.For("api")) }
