#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The clipboard of the client in Debian's chromium and firefox: what the desktop
# copies is on the browser's clipboard, Ctrl+V pastes what the browser has, text
# and pictures, with and without the clipboard API, and the panel shows it all.

use warnings;
use strict;

use Test::More;

use Digest::SHA qw/ sha256_hex /;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Browser;
use Selkies::Png;
use Selkies::X;

my %path = (chromium => '/usr/bin/chromium', firefox => '/usr/bin/firefox-esr');
my @browsers = grep { !Selkies::Browser->missing($path{$_}) } sort keys %path;

plan(skip_all => 'no browser') unless @browsers;

my $t = Selkies->new(x => '1000x600', timeout => 240);

$t->conf(<<'EOC');
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%

    server {
        listen %%PORT_0%%;
        include %%WEB%%/../conf/selkies-headers.conf;

        location / {
            root %%WEB%%;
            %%SELKIES%%
            selkies_clipboard_max_size 1m;
            selkies_files %%TESTDIR%%/desk;
            client_max_body_size 64m;
        }
    }
}
EOC

mkdir $t->dir() . '/desk';

my $x = Selkies::X->new($t, 'xselection');

$t->run();
$x->ask('focus', qr/^focused/);

my $nfile = 0;

sub own {
	my ($target, $data) = @_;
	my $file = $t->write_file('own' . $nfile++, $data);

	$x->ask("own $file $target", qr/^owns/);
}

# Pixels that do not compress, none of them transparent.

sub pixels {
	my ($w, $h, $seed) = @_;

	srand $seed;

	return pack '(C3C)*', map { (int rand 256, int rand 256, int rand 256, 255) }
		1 .. $w * $h;
}

# What the browser's clipboard has, by its own words: size and sum of the pixels.

my $READ = <<'EOJ';
	const [item] = await navigator.clipboard.read();
	const bitmap = await createImageBitmap(await item.getType('image/png'));
	const { width, height } = bitmap;
	const context = new OffscreenCanvas(width, height).getContext('2d');
	context.drawImage(bitmap, 0, 0);
	const sum = await crypto.subtle.digest('SHA-256',
		context.getImageData(0, 0, width, height).data);
	return `${width}x${height} ` + Array.from(new Uint8Array(sum),
		byte => byte.toString(16).padStart(2, '0')).join('');
EOJ

# A picture goes to the desktop's program.

sub picture_is {
	my ($w, $h, $want, $what) = @_;

	my $file = $t->dir() . '/picture';
	my @have;

	wait_for {
		$x->ask("paste image/png $file", qr/^(pasted|refused)/) =~ /^pasted/
			or return 0;
		@have = png_pixels($t->read_file('picture'));
		return @have && $have[2] eq $want;
	} 5;

	is(join('x', map { $_ // '' } @have[0, 1]) . ' '
		. sha256_hex($have[2] // ''), "${w}x$h " . sha256_hex($want), $what);
}

for my $name (@browsers) {
	my $b = Selkies::Browser->new($t, $name, $path{$name});
	my $url = 'http://localhost:' . $t->port() . '/?probe=1';

	my $live = sub {
		$b->live($url, @_);
		$b->command('click', x => 500, y => 300);
		ok($b->until('document.activeElement.id === "keys"'),
			"$name: the keyboard has the focus");
	};

	# what a desktop program sees at the key v

	my $paste = sub {
		my ($want, $what) = @_;
		my $seen = '';

		$b->command('down', key => 'Control');
		$b->command('press', key => 'v');
		$b->command('up', key => 'Control');

		while (my $line = $x->wait(qr/^key /, 5)) {
			$seen = substr $line, 4;
			last if $seen eq $want;
		}

		is($seen, $want, "$name: $what");
	};

	$live->($name eq 'chromium' ? (permissions => [qw/ clipboard-read
		clipboard-write /]) : ());

	# from the desktop; Firefox wants a key or a click first

	own('UTF8_STRING', "copied in $name \xe2\x9c\x93");
	ok($b->until("__selkies.clipboard.desktop.text
		=== 'copied in $name \\u2713'"), "$name: the desktop's text is here");
	$b->command('click', x => 500, y => 300);
	ok($b->until('__selkies.clipboard.pending === null'),
		"$name: and on the browser's clipboard");

	if ($name eq 'chromium') {
		is($b->eval('return navigator.clipboard.readText()'),
			"copied in $name \x{2713}", "$name: which has it");
	}

	# to the desktop

	$b->eval("await navigator.clipboard.writeText('pasted in $name')");
	$paste->("pasted in $name", 'Ctrl+V pastes what the browser has');
	$paste->("pasted in $name", 'and once more');

	# a picture of the desktop, which comes in pieces, and one for it

	my $large = pixels(400, 500, 3);

	own('image/png', png_of(400, 500, $large));
	ok($b->until('__selkies.clipboard.desktop.image !== null'),
		"$name: a picture of the desktop is here");
	$b->command('click', x => 500, y => 300);
	ok($b->until('__selkies.clipboard.pending === null'),
		"$name: and on the browser's clipboard");

	if ($name eq 'chromium') {
		is($b->eval($READ), '400x500 ' . sha256_hex($large),
			"$name: which has it, pixel by pixel");
	}

	# what it gives back comes from there: the desktop has something else by now

	own('UTF8_STRING', 'in between');
	ok($b->until("__selkies.clipboard.desktop.text === 'in between'"),
		"$name: something else");
	$b->eval('__selkies.clipboard.pending = null');

	SKIP: {
		skip 'the clipboard of a Firefox without a window holds text alone', 1
			if $name eq 'firefox';

		my $small = pixels(20, 10, 4);

		$b->eval("const context = new OffscreenCanvas(20, 10).getContext('2d');
			context.putImageData(new ImageData(Uint8ClampedArray.from("
			. join(',', '[' . unpack('C', $small), unpack 'xC*', $small) . "]), 20), 0, 0);
			await navigator.clipboard.write([new ClipboardItem({ 'image/png':
				await context.canvas.convertToBlob() })]);");
		$b->command('down', key => 'Control');
		$b->command('press', key => 'v');
		$b->command('up', key => 'Control');
		picture_is(20, 10, $small, "$name: Ctrl+V pastes a picture of the browser's");
	}

	$b->eval("await navigator.clipboard.writeText('pasted in $name')");
	$paste->("pasted in $name", 'and then text again');

	# files that are pasted are uploaded; the desktop does not paste as well

	$b->eval("const file = new File(['of $name'], 'pasted by $name.txt',
			{ type: 'text/plain' });
		addEventListener('paste', event => Object.defineProperty(event,
			'clipboardData', { value: { types: ['Files'], files: [file],
			items: [{ kind: 'file', getAsFile: () => file }] } }),
			{ capture: true, once: true });");
	1 while $x->wait(qr/^key /, 0.2);
	$b->command('down', key => 'Control');
	$b->command('press', key => 'v');
	$b->command('up', key => 'Control');
	ok(wait_for(sub { -e $t->dir() . "/desk/pasted by $name.txt" }, 10),
		"$name: a file that is pasted is uploaded");
	$b->command('click', x => 700, y => 500);
	$b->command('press', key => 'x');

	my $presses = 0;

	$presses++ while $x->wait(qr/^key /, 1);
	is($presses, 2, "$name: the desktop had Control and x, no v");

	# the panel

	$b->command('down', key => 'Control');
	$b->command('down', key => 'Shift');
	$b->command('press', key => 'M');
	$b->command('up', key => 'Shift');
	$b->command('up', key => 'Control');
	ok($b->until("document.querySelector('#bar.open') !== null"),
		"$name: the toolbar");
	ok($b->panel('Clipboard'), "$name: the panel");
	is($b->until("document.querySelector('#panel textarea')?.value"),
		"pasted in $name", "$name: the panel shows what the desktop has");

	$b->eval("const field = document.querySelectorAll('#panel textarea')[1];
		field.value = 'typed in $name';
		field.dispatchEvent(new Event('input'));");
	$b->push_button('Send to the desktop', '#panel');
	my $file = $t->dir() . '/typed';
	ok(wait_for(sub { $x->ask("paste UTF8_STRING $file", qr/^(pasted|refused)/);
		$t->read_file('typed') eq "typed in $name" }), "$name: and sends");

	$b->eval("const field = document.querySelectorAll('#panel textarea')[1];
		field.value = 'x'.repeat(2 << 20);
		field.dispatchEvent(new Event('input'));");
	$b->push_button('Send to the desktop', '#panel');
	like($b->until("document.querySelector('#panel .trouble').textContent"),
		qr/larger than 1 MB/, "$name: too large a text is refused");

	# and by the server, where the page does not know better

	$b->eval("__selkies.clipboard.maxBytes = 64 << 20;
		await __selkies.clipboard.send({ text: 'y'.repeat(2 << 20), html: '',
			image: null });");
	like($b->until("document.querySelector('#panel .trouble').textContent"),
		qr/larger than 1 MB/, "$name: the server's word is shown");
	own('UTF8_STRING', 'z' x (2 << 20));
	like($b->until("/^What the desktop copied/.test(document.querySelector(
		'#panel .trouble').textContent) && document.querySelector('#panel .trouble')
		.textContent"), qr/^What the desktop copied is larger than 1 MB/,
		"$name: so is too large a one of the desktop");

	$b->no_problems($name);

	# without the API, as at an address that is not secure

	$b->command('close');
	$live->();
	$b->eval("Object.defineProperty(navigator, 'clipboard',
		{ value: undefined }); __selkies.clipboard.permission = 'none'");

	own('UTF8_STRING', "by events in $name");
	ok($b->until("__selkies.clipboard.desktop.text
		=== 'by events in $name'"), "$name: without the API");
	$b->command('click', x => 500, y => 300);
	ok($b->until('__selkies.clipboard.pending === null'),
		"$name: a click copies it");

	own('UTF8_STRING', 'something else');
	ok($b->until("__selkies.clipboard.desktop.text === 'something else'"),
		"$name: something else");
	$b->eval('__selkies.clipboard.pending = null');
	$paste->("by events in $name", 'Ctrl+V pastes what the click copied');

	$b->no_problems($name);
	$b->command('close');
	$b->quit();
}

$t->done();
