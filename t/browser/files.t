#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# Files of the client in Debian's chromium and firefox: a folder dropped on the
# desktop, progress, pause and cancel, a slice that the server finds too large,
# files that are there already, what is refused, the folder of the desktop and
# downloads from it, the page that the server makes of it, and that a viewer sees
# nothing of all that.

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

mkdir $_ for $desk, "$desk/photos", "$desk/photos/2026", $t->dir() . '/tree',
	$t->dir() . '/tree/sub', $t->dir() . '/tree/sub/deep',
	$t->dir() . '/tree/hollow', $t->dir() . '/tree/sub/hollow';
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

sub live {
	my ($b, $path, %o) = @_;

	$b->live("$base$path", height => 700, %o);
	ok($b->until("document.getElementById('tools') !== null", 30),
		"$path has its toolbar");
}

# A drop as a page sees it; in the words of Firefox, which has no other way.

my $fake = <<'EOJ';
	const file = (path, bytes) => ({ isDirectory: false, fullPath: '/' + path,
		file: done => done(new File([bytes], path.split('/').pop())) });
	const folder = (path, entries) => ({ isDirectory: true, fullPath: '/' + path,
		name: path.split('/').pop(), createReader() {
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
	my $files = $b->button('Files');

	live($b, '/?probe=1');
	is($b->eval("return $files.hidden"), JSON::PP::false,
		"$name: files are offered");

	# a tree

	if ($name eq 'chromium') {
		my %data = (data => { items => [], dragOperationsMask => 1,
			files => [ $t->dir() . '/tree', $t->dir() . '/tree/one.txt' ] },
			x => 500, y => 300);

		$b->command('devtools', method => 'Input.dispatchDragEvent',
			params => { type => $_, %data }) for qw/ dragEnter dragOver /;
		ok($b->until('!document.querySelector(".drop").hidden'),
			"$name: the overlay says so");
		$b->shot("files-drop-$name");
		$b->command('devtools', method => 'Input.dispatchDragEvent',
			params => { type => 'drop', %data });

		is($b->until("$queue.totals().done === 126", 30), JSON::PP::true,
			"$name: a folder and a file are uploaded");
		is($t->read_file('desk/tree/sub/two & three.txt'),
			'of sub/two & three.txt', 'with its names');
		is($t->read_file("desk/tree/sub/deep/\xc3\xbc.txt"),
			"of sub/deep/\xc3\xbc.txt", 'however deep');
		is($t->read_file('desk/one.txt'), 'of one.txt', 'and the file');
		is(scalar(() = glob "$desk/tree/sub/many*"), 120,
			'more than a browser reads at a time');
		ok(-d "$desk/tree/hollow" && -d "$desk/tree/sub/hollow",
			'folders with nothing in them, too');

	} else {
		is($b->eval("$fake return drop('dragover', []);"), JSON::PP::true,
			"$name: a drop is taken");
		ok($b->until('!document.querySelector(".drop").hidden'),
			"$name: the overlay says so");
		$b->shot("files-drop-$name");
		$b->eval("$fake drop('drop', [folder('fox', [file('fox/a.txt', 'a'),
			folder('fox/sub', Array.from({ length: 120 },
				(_, i) => file('fox/sub/' + i, String(i)))),
			folder('fox/hollow', [])])]);");
		is($b->until("$queue.totals().done === 122", 30), JSON::PP::true,
			"$name: a folder is uploaded");
		is($t->read_file('desk/fox/sub/119'), '119', 'with all in it');
		ok(-d "$desk/fox/hollow", 'and one that has nothing in it');
	}

	is($b->eval('return document.getElementById("panel-name").textContent'),
		'Files', "$name: the panel has come");
	ok($b->until('document.querySelectorAll(".files-panel .files")[1]
		.textContent.includes("report.pdf")'), "$name: with the folder");
	ok($b->until('document.querySelector(".drop").hidden'),
		"$name: the overlay is gone");
	$b->shot("files-panel-$name");

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
	$b->shot("files-paused-$name");
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

	# what is there already is asked about, and nothing waits for the answer

	# which file is asked about, if it is another one than before

	my $asks = sub {
		my ($before) = @_;

		my $path = $b->until("[...document.querySelectorAll(
			'.ask:not([hidden]) bdi')].map(one => one.textContent)
			.find(text => !/\\/${\($before // '-')}\\b/.test(text))") || '';

		return $path =~ m{^\Q$name\E/(\w+)} ? $1 : 'none';
	};
	my $there = sub { join ' ', map { $t->read_file("desk/$name/$_") } @_ };

	$t->write_file("desk/$name/$_", 'old') for qw/ a.txt b.txt c.txt d.txt big2 /;
	$b->eval("uploads.clear();
		uploads.add(['a.txt', 'b.txt', 'c.txt', 'd.txt', 'new.txt'].map(name =>
			({ file: new File(['new'], name), path: '$name/' + name })));");
	ok(wait_for(sub { -e "$root/new.txt" }), "$name: others go on");
	ok($b->until('uploads.totals().asking === 4'), "$name: four are asked about");
	$b->shot("files-asks-$name");

	my $kept = $asks->();

	$b->push_button('Keep both', '#panel .ask');
	ok(wait_for(sub { -e "$root/$kept (1).txt" }), "$name: both are kept");
	is($there->("$kept.txt", "$kept (1).txt"), 'old new', "$name: as they were");

	my $replaced = $asks->($kept);

	isnt($replaced, 'none', "$name: the next one");
	$b->push_button('Replace', '#panel .ask');
	ok(wait_for(sub { $there->("$replaced.txt") eq 'new' }), "$name: replaced");
	isnt($asks->($replaced), 'none', "$name: and the next");
	$b->eval("document.querySelector('.ask input').click()");
	$b->push_button('Skip', '#panel .ask');
	ok($b->until("document.querySelector('.ask').hidden"), "$name: all the others");
	is($there->(map { "$_.txt" } grep { $_ ne $kept && $_ ne $replaced }
		qw/ a b c d /), 'old old', "$name: stay");
	is($b->eval("return uploads.items.filter(
		one => one.state === 'skipped').length"), 2, "$name: it says so");
	ok($b->until("document.querySelector('.queue').textContent
		.includes(', as $kept (1).txt')"), "$name: and under which name");

	$b->eval("uploads.clear();
		uploads.add([{ file: big, path: '$name/big2' }]);");
	is($asks->(), 'big2', "$name: a large one");
	is($b->eval('return uploads.items[0].sent'), 0,
		"$name: before any of it is sent");
	ok($b->until("document.querySelector('.ask label').hidden"),
		"$name: alone, there is no all");
	$b->push_button('Replace', '#panel .ask');
	ok($b->until('uploads.items[0].state === "done"', 20), "$name: goes on");
	is(md5_hex($t->read_file("desk/$name/big2")), md5_hex($want),
		"$name: to the end");

	# the panel is away when there is a question

	$b->eval("uploads.clear(); document.querySelector('#panel .shut').click();
		uploads.add([{ file: new File(['new'], 'c.txt'), path: '$name/c.txt' }]);");
	ok($b->until("/already/.test(document.querySelector('.notice.low')
		.textContent)"), "$name: a question that is not seen is told");
	ok($b->panel('Files'), "$name: the panel has it");
	$b->push_button('Skip', '#panel .ask');
	$b->eval('uploads.clear()');

	# refused

	$b->eval("uploads.add([{ file: new File(['x'], 'photos'), path: 'photos' },
		{ file: new File(['x'], 'x'), path: '../x' }]);");
	ok($b->until('uploads.totals().failed === 2', 20), "$name: refused");
	ok($b->until('document.querySelector(".files [data-state=failed] small")
		.textContent === "A file and a folder would have the same name."'),
		"$name: in words");
	$b->shot("files-failed-$name");

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
	ok($b->panel('Files'), "$name: the panel without uploads");
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
	$b->shot("files-gone-$name");
	rename "$desk.away", $desk;
	$b->command('problems');

	live($b, '/?probe=1#shared');
	is($b->eval("return $files.hidden"), JSON::PP::true,
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
		$b->shot("listing-$scheme-$name");
		$b->command('close');
	}

	$b->command('open', url => "$base/files/", width => 390, height => 700);
	is($b->eval('return document.documentElement.scrollWidth <= innerWidth'),
		JSON::PP::true, "$name: it fits a phone");
	$b->shot("listing-phone-$name");
	is_deeply($b->command('problems'), [], "$name: no problem");

	$b->quit();
	system 'rm', '-rf', $root, "$desk/tree", "$desk/fox", "$desk/one.txt";
}

$t->done();
