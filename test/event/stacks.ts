// One crash as every platform prints it: what stands above its frames, and below, is the error's to say.

export interface Printed {
  type: string
  /** How a stack is printed of a message, with numbers that vary. */
  stack(message: string, n: number): string
  culprit: string
}

const hex = (n: number) => (0x1000 + n * 16).toString(16).padStart(12, '0')

/** `pay` called by `tap`, in the app's own code. */
export const platforms: Record<string, Printed> = {
  V8: {
    type: 'Error',
    stack: (message, n) =>
      `Error: ${message}\n    at pay (https://s.com/cart.js:${n}:5)\n    at async Promise.all (index ${n})\n    at async tap (https://s.com/ui.js:3:${n})`,
    culprit: 'pay (cart.js)',
  },
  'V8, of Node, uncaught': {
    type: 'Error',
    stack: (message, n) =>
      `/srv/cart.js:${n}\n    throw new Error("x")\n    ^\n\nError: ${message}\n    at pay (/srv/cart.js:${n}:5)\n    at Object.tap (/srv/ui.js:3:${n}) {\n  code: 'E_${n}',\n  id: ada\n}\n\nNode.js v20.1.${n}`,
    culprit: 'pay (cart.js)',
  },
  Firefox: {
    type: 'Error',
    stack: (_, n) =>
      `pay@https://s.com/cart.js:${n}:5\nasync*tap@https://s.com/ui.js:3:${n}\n@https://s.com/main.js:1:1`,
    culprit: 'pay (cart.js)',
  },
  Safari: {
    type: 'Error',
    stack: (_, n) => `forEach@[native code]\npay@https://s.com/cart.js:${n}:5\ntap@https://s.com/ui.js:3:${n}`,
    culprit: 'pay (cart.js)',
  },
  Hermes: {
    type: 'Error',
    stack: (message, n) =>
      `Error: ${message}\n    at pay (address at index.android.bundle:1:1${n})\n    at apply (native)\n    at tap (address at index.android.bundle:1:${n})`,
    culprit: 'pay (index.android.bundle)',
  },
  JVM: {
    type: 'com.shop.CartException',
    stack: (message, n) =>
      `Exception in thread "main-${n}" com.shop.CartException: ${message}\n\tat java.util.Map.get(Map.java:${n})\n\tat com.shop.Cart.pay(Cart.java:${n}) ~[shop.jar:1.${n}]\n\tat com.shop.Ui.tap(Ui.kt:3)\n\t... ${n} more\nCaused by: com.shop.Other: ${message}\n\tat com.shop.Db.get(Db.java:${n})`,
    culprit: 'com.shop.Cart.pay',
  },
  'Android, only in the cause': {
    type: 'java.lang.RuntimeException',
    stack: (message, n) =>
      `java.lang.RuntimeException: Unable to start: ${message}\n\tat android.app.ActivityThread.run(ActivityThread.java:${n})\nCaused by: com.shop.CartException: ${message}\n\tat com.shop.Cart.pay(Unknown Source:${n})\n\tat com.shop.Ui.tap(SourceFile:3)`,
    culprit: 'com.shop.Cart.pay',
  },
  '.NET': {
    type: 'Shop.CartException',
    stack: (message, n) =>
      `Shop.CartException: ${message}\r\n   at Shop.Cart.Pay(String a) in C:\\src\\Cart.cs:line ${n}\r\n   at Shop.Ui.Tap()\r\n--- End of stack trace from previous location ---`,
    culprit: 'Shop.Cart.Pay',
  },
  Python: {
    type: 'ValueError',
    stack: (message, n) =>
      `Traceback (most recent call last):\n  File "/srv/ui.py", line ${n}, in tap\n    pay(${n})\n    ~~~^^^\n  File "/srv/cart.py", line ${n}, in pay\n    raise ValueError ("declined")\nValueError: ${message}`,
    culprit: 'pay (cart.py)',
  },
  Go: {
    type: 'panic',
    stack: (message, n) =>
      `panic: ${message}\n\ngoroutine ${n} [running]:\nmain.(*Cart).Pay(0xc000${hex(n)}, {0x1, 0x${n}})\n\t/srv/shop/cart.go:${n} +0x1b\nmain.tap(...)\n\t/srv/shop/ui.go:9\ncreated by main.main in goroutine ${n}\n\t/srv/shop/main.go:7 +0x1`,
    culprit: 'main.(*Cart).Pay (cart.go)',
  },
  Rust: {
    type: 'panic',
    stack: (message, n) =>
      `thread 'main' panicked at src/cart.rs:${n}:5:\n${message}\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/ab${n}/library/std/src/panicking.rs:${n}:5\n   1: core::panicking::panic_fmt\n   2: <shop::Cart as shop::Pays>::pay\n             at ./src/cart.rs:${n}:5\n   3: shop::tap::h${hex(n)}0000\nnote: Some details are omitted, run with \`RUST_BACKTRACE=full\` for a verbose backtrace.`,
    culprit: '<shop::Cart as shop::Pays>::pay (cart.rs)',
  },
  Ruby: {
    type: 'ArgumentError',
    stack: (message, n) =>
      `/srv/cart.rb:${n}:in \`pay': ${message} (ArgumentError)\n\n    raise(ada)\n    ^^^^^\n\tfrom /srv/ui.rb:${n}:in \`tap'\n\tfrom /srv/main.rb:1:in \`<main>'`,
    culprit: 'pay (cart.rb)',
  },
  PHP: {
    type: 'DomainException',
    stack: (message, n) =>
      `PHP Fatal error:  Uncaught DomainException: ${message} in /srv/Cart.php:${n}\nStack trace:\n#0 /srv/Cart.php(${n}): Cart->pay('a${n} :)', Array)\n#1 [internal function]: {closure}(${n})\n#2 /srv/Ui.php(3): tap()\n#3 {main}\n  thrown in /srv/Cart.php on line ${n}`,
    culprit: 'Cart->pay (Cart.php)',
  },
  Dart: {
    type: 'StateError',
    stack: (message, n) =>
      `Unhandled exception:\nBad state: ${message}\n#0      Cart.pay (package:shop/cart.dart:${n}:5)\n<asynchronous suspension>\n#1      tap (package:shop/ui.dart:3:${n})\n#2      _rootRun (dart:async/zone.dart)`,
    culprit: 'Cart.pay (cart.dart)',
  },
  Apple: {
    type: 'NSInvalidArgumentException',
    stack: (message, n) =>
      `*** Terminating app due to uncaught exception, reason: '${message}'\nLast Exception Backtrace:\n0   CoreFoundation   0x0000${hex(n)} __exceptionPreprocess + ${n}\n1   Shop   0x0000${hex(n)} -[Cart pay:] + ${n}\n2   Shop   0x0000${hex(n)} closure #${n} in Ui.tap() + 4`,
    culprit: '-[Cart pay:] (Shop)',
  },
  'Android, native': {
    type: 'SIGABRT',
    stack: (message, n) =>
      `Abort message: '${message}'\n#00 pc 0000${hex(n)}  /apex/com.android.runtime/lib64/bionic/libc.so (abort+${n})\n#01 pc 0000${hex(n)}  /data/app/com.shop-${n}/lib/libshop.so (shop::Cart::pay(int)+${n}) (BuildId: ab${n})\n#02 pc 0000${hex(n)}  /data/app/com.shop-${n}/lib/libshop.so (shop::tap()+8)\n\tat com.shop.Ui.tap(Ui.java:${n})`,
    culprit: 'shop::Cart::pay (libshop.so)',
  },
  gdb: {
    type: 'SIGSEGV',
    stack: (_, n) =>
      `#0  0x0000${hex(n)} in pay (id=${n}, s=0x${n} "x") at /src/cart.c:${n}\n#1  0x0000${hex(n)} in tap () from /opt/libshop.so\n#2  main () at main.c:${n}`,
    culprit: 'pay (cart.c)',
  },
  sanitizers: {
    type: 'heap-use-after-free',
    stack: (message, n) =>
      `==${n}==ERROR: AddressSanitizer: ${message}\nREAD of size ${n}\n    #0 0x${hex(n)} in shop::Cart::pay(int) /src/cart.cc:${n}:3\n    #1 0x${hex(n)} in tap (/opt/shop+0x${hex(n)}) (BuildId: ab${n})`,
    culprit: 'shop::Cart::pay (cart.cc)',
  },
}

/** Messages that look like frames, or like lines of other platforms' stacks. */
export const trickyMessages: string[] = [
  'User not found (ada)',
  'Unexpected token } in JSON at position 14 (line 1 column 15)',
  'Failed to fetch (a.com)',
  'no item (id ada)',
  'bad\nada',
  'bad\n\nada\nValidationError(ada)',
  'ValidationError(ada)',
  'shop.NotFound(ada)',
  'bad\ncart.total(x)\nat noon\nat work (today)\nat line 3:14\nat position 14 (line 1:15)',
  'bad\n  1: const a = 2\n  2: foo',
  'bad\n#1 is ada (vip)\n#12 not found in /srv/x',
  'bad\nada@shop.com\nask ada@/srv',
  'throw new Error("x")\n   ^',
  'a.js:12',
  'cart.js',
  "can't find 'ada'",
  'pay',
]
