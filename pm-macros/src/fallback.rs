//! What is emitted beside errors: enough that everything which uses the item still compiles.

use crate::check_service::RESERVED;
use crate::model::Model;
use crate::{pool, service};
use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::visit::Visit;
use syn::{
    Block, Expr, FnArg, Generics, ImplItem, ItemFn, ItemImpl, ReturnType, Safety, Signature, Stmt,
    Type, TypeImplTrait, TypeNever, token,
};

/// The function, and a pool with the same face that runs nothing.
pub(crate) fn pool(model: &Model, function: ItemFn) -> TokenStream {
    let of_a_block = |tokens| mentions(tokens, &format_ident!("Self"));
    let is_method = function.sig.receiver().is_some()
        || of_a_block(function.sig.to_token_stream())
        || model.message().is_some_and(of_a_block);
    let is_taken = is_taken(model, &function.sig);
    let names = ["query", "try_query", "query_temporary"].map(|name| format_ident!("{name}"));
    let mut methods: TokenStream =
        names.iter().map(|name| method(model, &quote!(pub), name, &function.sig)).collect();
    methods.extend(map(model, &function.sig));
    methods.extend(retry(model));
    if is_method {
        // An `impl` holds no types, and what calls the method is to find it.
        return function.into_token_stream();
    }
    let function = without_syntax_errors(function);
    if is_taken {
        // A name is given once.
        return function.into_token_stream();
    }
    let handle = handle(model, methods);
    quote!(#function #handle)
}

/// The service, and a pool with the same face that runs nothing.
pub(crate) fn service(model: &Model, service: ItemImpl) -> TokenStream {
    let is_taken = service::methods(&service).any(|method| is_taken(model, &method.sig));
    let methods = service::methods(&service).filter_map(|query| {
        let name = &query.sig.ident;
        let signature = service::free(&query.sig, &service.self_ty)?;
        let is_reserved = RESERVED.iter().any(|reserved| name == reserved);
        (!is_reserved).then(|| method(model, &query.vis.to_token_stream(), name, &signature))
    });
    let methods: TokenStream = methods.collect();
    let service = block(service);
    if is_taken {
        return service.into_token_stream();
    }
    let handle = handle(model, methods);
    quote!(#service #handle)
}

/// An `impl` block without what the compiler refuses itself.
pub(crate) fn block(mut service: ItemImpl) -> ItemImpl {
    service.unsafety = None;
    for item in &mut service.items {
        if let ImplItem::Fn(function) = item
            && function.sig.variadic.take().is_some()
        {
            function.block = endless();
        }
    }
    service
}

/// Whether a name that the macro makes is another type's.
fn is_taken(model: &Model, signature: &Signature) -> bool {
    let names = [&model.names.pool, &model.names.builder];
    names.iter().any(|name| mentions(signature.to_token_stream(), name))
}

fn handle(model: &Model, methods: TokenStream) -> TokenStream {
    let serve = quote!(__private::Serve::blocking(|_| loop {}));
    pool::handle(model, methods, serve, TokenStream::new())
}

/// A `main` of the right shape that does nothing.
pub(crate) fn main(mut function: ItemFn) -> ItemFn {
    let signature = &mut function.sig;
    signature.constness = None;
    signature.asyncness = None;
    signature.safety = Safety::Default;
    signature.abi = None;
    signature.generics = Generics::default();
    signature.inputs.clear();
    signature.variadic = None;
    function.attrs.clear();
    function.block = Box::new(endless());
    function
}

/// The compiler refuses these itself, and one mistake shall make one error.
pub(crate) fn without_syntax_errors(mut function: ItemFn) -> ItemFn {
    let signature = &mut function.sig;
    if signature.receiver().is_none() && signature.variadic.is_none() {
        return function;
    }
    let inputs = std::mem::take(&mut signature.inputs).into_iter();
    signature.inputs = inputs.filter(|input| matches!(input, FnArg::Typed(_))).collect();
    signature.variadic = None;
    function.block = Box::new(endless());
    function
}

/// The method of the pool, with whatever signature the function has.
fn method(model: &Model, vis: &TokenStream, name: &Ident, signature: &Signature) -> TokenStream {
    let runtime = &model.runtime;
    let parameters = &signature.generics.params;
    let clause = &signature.generics.where_clause;
    let types = signature.inputs.iter().filter_map(|argument| match argument {
        FnArg::Typed(typed) => Some(&typed.ty),
        FnArg::Receiver(_) => None,
    });
    let answer = answer(signature);
    let messages = pool::message_argument(model);
    quote! {
        /// Stands for the query, which has mistakes.
        #vis fn #name<#parameters>(&self, #(_: #types),*) -> #runtime::Call<#answer #messages> #clause {
            loop {}
        }
    }
}

/// The method for many inputs.
fn map(model: &Model, signature: &Signature) -> TokenStream {
    let runtime = &model.runtime;
    let answer = answer(signature);
    let messages = pool::message_argument(model);
    // The answer may speak of these.
    let parameters = signature.generics.params.iter();
    let clause = &signature.generics.where_clause;
    quote! {
        /// Stands for the query, which has mistakes.
        pub fn map<#(#parameters,)* __I: ::core::iter::IntoIterator>(
            &self,
            _: __I,
        ) -> #runtime::Map<Self, __I::IntoIter, #answer #messages> #clause {
            loop {}
        }
    }
}

/// The method that takes a policy.
fn retry(model: &Model) -> TokenStream {
    let runtime = &model.runtime;
    quote! {
        /// Stands for the query, which has mistakes.
        pub fn retry<__E>(&self, _: #runtime::Retry<__E>) -> Self {
            loop {}
        }
    }
}

fn answer(signature: &Signature) -> TokenStream {
    match &signature.output {
        ReturnType::Type(_, ty) if is_concrete(ty) => quote!(#ty),
        _ => quote!(()),
    }
}

/// Whether a body that never returns can have this type, and a turbofish can name it.
pub(crate) fn is_concrete(ty: &Type) -> bool {
    struct Concrete(bool);
    impl<'ast> Visit<'ast> for Concrete {
        fn visit_type_impl_trait(&mut self, _: &'ast TypeImplTrait) {
            self.0 = false;
        }
        fn visit_type_never(&mut self, _: &'ast TypeNever) {
            self.0 = false;
        }
    }
    let mut concrete = Concrete(true);
    concrete.visit_type(ty);
    concrete.0
}

pub(crate) fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}

fn endless() -> Block {
    Block {
        brace_token: token::Brace::default(),
        stmts: vec![Stmt::Expr(Expr::Verbatim(quote!(loop {})), None)],
    }
}
