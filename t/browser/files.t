#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Files of the client in Debian's chromium and firefox: a folder dropped on the
# desktop, progress, pause and cancel, a slice that the server finds too large,
# what is refused, the folder of the desktop and downloads from it, the page
# that the server makes of it, and that a viewer sees nothing of all that.

use warnings;
use strict;

use Digest::MD5 qw/ md5_hex /;
use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::Browser;

my %path = (chromium => '/usr/bin/chromium', firefox => '/usr/bin/firefox-esr');
my @browsers = grep { !Selkies::Browser->missing($path{$_}) } sort keys %path;

plan(skip_all => 'no browser') unless @browsers;

my $t = Selkies->new(x => '1000x600', timeout => 240);
my $desk = $t->dir() . '/desk';
my $shots = $ENV{TEST_SELKIES_SHOTS};

mkdir $_ for $desk, "$desk/photos", "$desk/photos/2026", $t->dir() . '/tree',
	$t->dir() . '/tree/sub', $t->dir() . '/tree/sub/deep';
$t->write_file('desk/report.pdf', 'p' x 20000);
$t->write_file("desk/photos/$_", $_) for 'sea.jpg', '<b>land.png';
$t->write_file('desk/photos/2026/new.txt', 'new');
$t->write_file("tree/$_", "of $_") for 'one.txt', 'sub/two & three.txt',
	"sub/deep/\xc3\xbc.txt";
$t->write_file("tree/sub/many$_", $_) for 1 .. 120;

$t->conf(<<'EOC');
%%GLOBALS%%
events {}
http {
    %%GLOBALS_HTTP%%

    server {
        listen %%PORT_0%%;
        include %%WEB%%/../conf/selkies-headers.conf;
        client_max_body_size 64m;

        location / {
            root %%WEB%%;
            %%SELKIES%%
            selkies_files %%TESTDIR%%/desk;
        }

        location /tight/ {
            alias %%WEB%%/;
            %%SELKIES%%
            selkies_files %%TESTDIR%%/desk;
            client_max_body_size 2m;
        }

        location /down/ {
            alias %%WEB%%/;
            %%SELKIES%%
            selkies_files %%TESTDIR%%/desk;
            selkies_file_transfers download;
        }
    }
}
EOC

$t->run();

my $base = 'http://localhost:' . $t->port();

sub shot {
	my ($b, $name) = @_;

	$b->command('shot', path => "$shots/$name.png") if $shots;
}

sub live {
	my ($b, $path, %o) = @_;

	$b->command('open', url => "$base$path", width => 1000, height => 700, %o);
	ok($b->until("globalThis.__selkies && __selkies.state === 'live'
		&& document.getElementById('tools') !== null", 30), "$path is live");
}

# A drop as a page sees it; in the words of Firefox, which has no other way.

my $fake = <<'EOJ';
	const file = (path, bytes) => ({ isDirectory: false, fullPath: '/' + path,
		file: done => done(new File([bytes], path.split('/').pop())) });
	const folder = (path, entries) => ({ isDirectory: true, fullPath: '/' + path,
		createReader() {
			let left = [...entries];
			return { readEntries: done => done(left.splice(0, 100)) };
		} });
	const drop = (type, entries) => {
		const event = new DragEvent(type, { bubbles: true, cancelable: true });
		Object.defineProperty(event, 'dataTransfer', { value: {
			types: ['Files'], dropEffect: '', files: [],
			items: entries.map(entry => ({ kind: 'file',
				webkitGetAsEntry: () => entry, getAsFile: () => null })) } });
		document.getElementById('stage').dispatchEvent(event);
		return event.defaultPrevented;
	};
EOJ

for my $name (@browsers) {
	my $b = Selkies::Browser->new($t, $name, $path{$name});
	my $root = "$desk/$name";

	my $queue = "(await import('/upload.js')).uploads";
	my $button = sub { qq/[...document.querySelectorAll('#tools > button')]
		.find(b => b.textContent === '$_[0]')/ };

	live($b, '/?probe=1');
	is($b->eval('return ' . $button->('Files') . '.hidden'),
		JSON::PP::false, "$name: files are offered");

	# a tree

	if ($name eq 'chromium') {
		my %data = (data => { items => [], dragOperationsMask => 1,
			files => [ $t->dir() . '/tree', $t->dir() . '/tree/one.txt' ] },
			x => 500, y => 300);

		$b->command('devtools', method => 'Input.dispatchDragEvent',
			params => { type => $_, %data }) for qw/ dragEnter dragOver /;
		ok($b->until('!document.querySelector(".drop").hidden'),
			"$name: the overlay says so");
		shot($b, "files-drop-$name");
		$b->command('devtools', method => 'Input.dispatchDragEvent',
			params => { type => 'drop', %data });

		is($b->until("$queue.totals().done === 124", 30), JSON::PP::true,
			"$name: a folder and a file are uploaded");
		is($t->read_file('desk/tree/sub/two & three.txt'),
			'of sub/two & three.txt', 'with its names');
		is($t->read_file("desk/tree/sub/deep/\xc3\xbc.txt"),
			"of sub/deep/\xc3\xbc.txt", 'however deep');
		is($t->read_file('desk/one.txt'), 'of one.txt', 'and the file');
		is(scalar(() = glob "$desk/tree/sub/many*"), 120,
			'more than a browser reads at a time');

	} else {
		is($b->eval("$fake return drop('dragover', []);"), JSON::PP::true,
			"$name: a drop is taken");
		ok($b->until('!document.querySelector(".drop").hidden'),
			"$name: the overlay says so");
		shot($b, "files-drop-$name");
		$b->eval("$fake drop('drop', [folder('fox', [file('fox/a.txt', 'a'),
			folder('fox/sub', Array.from({ length: 120 },
				(_, i) => file('fox/sub/' + i, String(i))))])]);");
		is($b->until("$queue.totals().done === 121", 30), JSON::PP::true,
			"$name: a folder is uploaded");
		is($t->read_file('desk/fox/sub/119'), '119', 'with all in it');
	}

	is($b->eval('return document.getElementById("panel-name").textContent'),
		'Files', "$name: the panel has come");
	ok($b->until('document.querySelectorAll(".files-panel .files")[1]
		.textContent.includes("report.pdf")'), "$name: with the folder");
	ok($b->until('document.querySelector(".drop").hidden'),
		"$name: the overlay is gone");
	shot($b, "files-panel-$name");

	# to browse, and to download

	$b->eval('[...document.querySelectorAll(".files button")]
		.find(b => b.textContent.startsWith("photos")).click()');
	ok($b->until('document.querySelectorAll(".files-panel .files")[1]
		.textContent.includes("<b>land.png")'), "$name: a folder in it");
	is($b->eval('const a = [...document.querySelectorAll(".files a")]
		.find(a => a.textContent.includes("land"));
		return await (await fetch(a.href)).text();'), '<b>land.png',
		"$name: a file of it");
	is($b->eval('return document.querySelectorAll(".files b").length'), 0,
		"$name: no name is markup");
	$b->eval('[...document.querySelectorAll(".where button")][0].click()');
	ok($b->until('document.querySelectorAll(".files-panel .files")[1]
		.textContent.includes("report.pdf")'), "$name: and back");

	# pause, go on, cancel: a file of 12 MB that the network is slow for

	$b->eval("const { uploads } = await import('/upload.js');
		uploads.clear();
		const bytes = new Uint8Array(12 << 20).map((_, i) => i * 7 + (i >> 9));
		globalThis.big = new File([bytes], 'big');
		const send = XMLHttpRequest.prototype.send;
		let first = true;
		XMLHttpRequest.prototype.send = function (body) {
			if (first) {
				first = false;
				this.upload.addEventListener('progress', event => {
					if (event.loaded > 0) { uploads.pause(uploads.items[0]); }
				});
			}
			return send.call(this, body);
		};
		uploads.add([{ file: big, path: '$name/big' }]);
		globalThis.uploads = uploads;");
	ok($b->until('uploads.items[0].state !== "running"', 20),
		"$name: paused");
	shot($b, "files-paused-$name");
	ok($b->until('uploads.items[0].state === "done"
		|| (() => {
			const button = [...document.querySelectorAll(".files .small")]
				.find(b => b.title === "Go on" && !b.hidden);
			button?.click();
			return button !== undefined;
		})()', 20), "$name: it can go on");
	ok($b->until('uploads.items[0].state === "done"', 20),
		"$name: it goes on to the end");

	my $want = pack 'C*', map { ($_ * 7 + ($_ >> 9)) & 255 }
		0 .. (12 << 20) - 1;

	is(md5_hex($t->read_file("desk/$name/big")), md5_hex($want),
		"$name: as it was");

	$b->eval("uploads.clear();
		uploads.add([{ file: big, path: '$name/cancelled' }]);
		uploads.cancel(uploads.items[0]);");
	is($b->eval('return uploads.items.length'), 0, "$name: cancelled");
	ok(wait_for(sub { !-e "$root/cancelled" }), "$name: and not there");

	# refused

	$b->eval("uploads.add([{ file: new File(['x'], 'photos'), path: 'photos' },
		{ file: new File(['x'], 'x'), path: '../x' }]);");
	ok($b->until('uploads.totals().failed === 2', 20), "$name: refused");
	ok($b->until('document.querySelector(".files [data-state=failed] small")
		.textContent === "A file and a folder would have the same name."'),
		"$name: in words");
	shot($b, "files-failed-$name");

	is_deeply([ grep { !/status of 4\d\d/ } @{ $b->command('problems') } ], [],
		"$name: nothing to complain of");
	$b->command('close');

	# a server that takes less

	live($b, '/tight/?probe=1');
	$b->eval("const { uploads } = await import('/tight/upload.js');
		uploads.add([{ file: new File([new Uint8Array(5 << 20)], 'tight'),
			path: '$name/tight' }]);
		globalThis.uploads = uploads;");
	ok($b->until('uploads.totals().done === 1', 20),
		"$name: smaller slices after a 413");
	is(-s "$root/tight", 5 << 20, "$name: all of it");
	$b->command('close');

	# who only downloads, and who only watches

	live($b, '/down/?probe=1');
	$b->eval($button->('Files') . '.click()');
	ok($b->until('document.querySelector(".files-panel .files li") !== null'),
		"$name: downloads alone");
	is($b->eval('return document.querySelector(".files-panel .act.main")
		.offsetParent === null'), JSON::PP::true, 'and no uploads');
	is($b->eval("$fake drop('dragover', []);
		return document.querySelector('.drop').hidden;"), JSON::PP::true,
		"$name: a drop is not offered");
	rename $desk, "$desk.away";
	$b->eval('document.querySelector(".where .end").click()');
	ok($b->until('document.querySelector(".files-panel [role=status]:not(.grow)")
		.textContent !== ""'), "$name: a folder that is gone is told");
	shot($b, "files-gone-$name");
	rename "$desk.away", $desk;
	$b->command('problems');

	live($b, '/?probe=1#shared');
	is($b->eval('return ' . $button->('Files') . '.hidden'), JSON::PP::true,
		"$name: a viewer sees nothing of it");
	is($b->eval("$fake return drop('drop', [file('a', 'a')]);"),
		JSON::PP::true, "$name: its page is not lost to a drop");
	ok(!-e "$desk/a", "$name: nor is that uploaded");
	is_deeply($b->command('problems'), [], "$name: no problem");

	# the page of the server

	for my $scheme ($name eq 'chromium' ? qw/ light dark / : 'light') {
		$b->command('open', url => "$base/files/photos/", width => 900,
			height => 600, scheme => $scheme);
		is($b->eval('return getComputedStyle(document.querySelector("table"))
			.borderTopLeftRadius'), '14px', "$name: a page with its style");
		shot($b, "listing-$scheme-$name");
		$b->command('close');
	}

	$b->command('open', url => "$base/files/", width => 390, height => 700);
	is($b->eval('return document.documentElement.scrollWidth <= innerWidth'),
		JSON::PP::true, "$name: it fits a phone");
	shot($b, "listing-phone-$name");
	is_deeply($b->command('problems'), [], "$name: no problem");

	$b->quit();
	system 'rm', '-rf', $root, "$desk/tree", "$desk/fox", "$desk/one.txt";
}

$t->done();
