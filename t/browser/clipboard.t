#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The clipboard of the client in Debian's chromium and firefox: what the desktop
# copies is on the browser's clipboard, Ctrl+V pastes what the browser has, with
# and without the clipboard API, and the panel shows it all.

use warnings;
use strict;

use Test::More;

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
        }
    }
}
EOC

my $x = Selkies::X->new($t, 'xselection');

$t->run();
$x->ask('focus', qr/^focused/);

my $nfile = 0;

sub own {
	my ($target, $data) = @_;
	my $file = $t->write_file('own' . $nfile++, $data);

	$x->ask("own $file $target", qr/^owns/);
}

for my $name (@browsers) {
	my $b = Selkies::Browser->new($t, $name, $path{$name});
	my $url = 'http://localhost:' . $t->port() . '/?probe=1';

	my $live = sub {
		ok($b->until("globalThis.__selkies && __selkies.state === 'live'", 30),
			"$name: the page is live");
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

	$b->command('open', width => 1000, height => 600, url => $url,
		$name eq 'chromium' ? (permissions => [qw/ clipboard-read
		clipboard-write /]) : ());
	$live->();

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

	# the panel

	$b->command('down', key => 'Control');
	$b->command('down', key => 'Shift');
	$b->command('press', key => 'M');
	$b->command('up', key => 'Shift');
	$b->command('up', key => 'Control');
	ok($b->until("document.querySelector('#bar.open') !== null"),
		"$name: the toolbar");
	$b->eval("[...document.querySelectorAll('#tools button')].find(
		button => button.textContent === 'Clipboard').click()");
	is($b->until("document.querySelector('#panel textarea')?.value"),
		"pasted in $name", "$name: the panel shows what the desktop has");

	$b->eval("const field = document.querySelectorAll('#panel textarea')[1];
		field.value = 'typed in $name';
		field.dispatchEvent(new Event('input'));
		[...document.querySelectorAll('#panel button')].find(
			button => button.textContent === 'Send to the desktop').click()");
	my $file = $t->dir() . '/typed';
	ok(wait_for(sub { $x->ask("paste UTF8_STRING $file", qr/^(pasted|refused)/);
		$t->read_file('typed') eq "typed in $name" }), "$name: and sends");

	$b->eval("const field = document.querySelectorAll('#panel textarea')[1];
		field.value = 'x'.repeat(2 << 20);
		field.dispatchEvent(new Event('input'));
		[...document.querySelectorAll('#panel button')].find(
			button => button.textContent === 'Send to the desktop').click()");
	like($b->until("document.querySelector('#panel .trouble').textContent"),
		qr/larger than 1 MB/, "$name: too large a text is refused");

	is(join("\n", @{ $b->command('problems') }), '', "$name: no error");

	# without the API, as at an address that is not secure

	$b->command('close');
	$b->command('open', width => 1000, height => 600, url => $url);
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

	is(join("\n", @{ $b->command('problems') }), '', "$name: no error");
	$b->command('close');
	$b->quit();
}

$t->done();
